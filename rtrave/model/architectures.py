"""The named architectures: data files that describe a network, and the name of a network that a file brought."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from rtrave.errors import RtraveError
from rtrave.model.spec import NetworkSpec, read_record
from rtrave.settings import configs_dir

# What may differ between two networks of one architecture: sizes, and what comes with the training data.
SIZES = (
    "latent_size",
    "noise_augmentation",
    "quantizers",
    "codes",
    "analysis_taps",
    "synthesis_taps",
    "padding",
    "channels",
)


def architecture_names() -> list[str]:
    """The names of all architectures."""
    return sorted(path.stem for path in (configs_dir() / "architectures").glob("*.toml"))


@cache
def load_architecture(name: str) -> NetworkSpec:
    """The network of a named architecture; RtraveError for an unknown name, or an unknown key in its file."""
    path = configs_dir() / "architectures" / f"{name}.toml"
    if not path.is_file():
        raise RtraveError(f"no architecture {name!r}: known are {', '.join(architecture_names())}")
    return read_architecture(path)


def read_architecture(path: Path) -> NetworkSpec:
    """A network from a TOML file with the keys of `NetworkSpec`."""
    try:
        record: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RtraveError(f"cannot read {path}: {error}") from error
    network: NetworkSpec = read_record(NetworkSpec, record, path.name)
    return network


def architecture_of(network: NetworkSpec) -> str:
    """The architecture that a network is an instance of, whatever its sizes; "custom" for none."""
    for name in architecture_names():
        known = load_architecture(name)
        if _shape(known) == _shape(network):
            return name
    return "custom"


def _shape(network: NetworkSpec) -> NetworkSpec:
    """A network with its sizes and the form of its weights left out of the comparison."""
    encoder = replace(network.encoder, capacity=0, weight_norm=False)
    decoder = replace(network.decoder, capacity=0, weight_norm=False)
    sizes: dict[str, Any] = dict.fromkeys(SIZES, 0)
    return replace(network, encoder=encoder, decoder=decoder, regularisation="", **sizes)
