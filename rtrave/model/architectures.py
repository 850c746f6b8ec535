"""Named architectures: data files that describe networks, and the architecture that a network belongs to."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.spec import NetworkSpec, read_record
from rtrave.settings import configs_dir

# Fields that may differ between two networks of one architecture: sizes, and properties of the training data.
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
    """Return the names of all architectures."""
    return sorted(path.stem for path in (configs_dir() / "architectures").glob("*.toml"))


@cache
def load_architecture(name: str) -> NetworkSpec:
    """Return the network of a named architecture; RtraveError for an unknown name, or an unknown key in its file."""
    path = configs_dir() / "architectures" / f"{name}.toml"
    if not path.is_file():
        raise RtraveError(f"architecture: expected one of {', '.join(architecture_names())}, got {name!r}")
    return read_architecture(path)


def read_architecture(path: Path) -> NetworkSpec:
    """Read a network from a TOML file with the keys of `NetworkSpec`."""
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RtraveError(f"cannot read '{path}': {error}") from error
    return read_record(NetworkSpec, record, path.name)


def architecture_of(network: NetworkSpec) -> str:
    """Return the architecture of a network, which ignores its sizes; "custom" if it is none of the known ones."""
    for name in architecture_names():
        known = load_architecture(name)
        if _shape(known) == _shape(network):
            return name
    return "custom"


def _shape(network: NetworkSpec) -> dict[str, object]:
    """Return a network without its sizes and the form of its weights, for comparison."""
    encoder = replace(network.encoder, capacity=0, weight_norm=False)
    decoder = replace(network.decoder, capacity=0, weight_norm=False)
    description = asdict(replace(network, encoder=encoder, decoder=decoder, regularisation=""))
    return {name: value for name, value in description.items() if name not in SIZES}
