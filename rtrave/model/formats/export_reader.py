"""Rebuild one of RAVE's own TorchScript exports as a native file.

Run as `python -m rtrave.model.formats.export_reader SRC DEST` in a child process: loading TorchScript holds Python's
global lock throughout, and the content of a file of unknown origin stays out of the audio process.
"""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.formats.build import build_model
from rtrave.model.formats.checkpoint import NOT_LOADED, network_weights
from rtrave.model.formats.export_network import Script, check_layers, describe, is_streaming
from rtrave.model.formats.native import save_native
from rtrave.model.rave import Model

CACHES = (".pad", ".cache")
PARTS = ("pqmf.", "encoder.", "decoder.", "latent_pca", "latent_mean", "fidelity")


def read_export(path: Path) -> tuple[Model, list[str]]:
    """Return the model of an export, and notes for its user, one line each.

    Raises
    ------
    RtraveError
        The file cannot be loaded or cannot be rebuilt.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            script: Script = torch.jit.load(io.BytesIO(path.read_bytes()), map_location="cpu").eval()
    except OSError as error:
        raise RtraveError(f"cannot read '{path}': {error.strerror or error}") from error
    except Exception as error:  # PyTorch raises errors of any class here
        raise RtraveError(f"'{path}': expected TorchScript, got ({_first_line(error)}): export it again") from error
    try:
        network = describe(script)
        model = build_model(network, path.stem, sample_rate(script), path, weights_of(script), path)
        check_layers(script, model)
    except RtraveError as error:
        text = str(error)
        raise RtraveError(text if text.startswith(f"'{path}'") else f"'{path}': {text}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RtraveError(
            f"'{path}': expected an export of RAVE's, got ({_first_line(error)}): it cannot be rebuilt"
        ) from error
    return model, notes(script, path.name)


def weights_of(script: Script) -> dict[str, Tensor]:
    """Return the weights of an export's network, without caches and entries of the script alone."""
    return {
        name: value
        for name, value in network_weights(script.state_dict()).items()
        if name.startswith(PARTS) and not name.startswith(NOT_LOADED) and not name.endswith(CACHES)
    }


def sample_rate(script: Script) -> int:
    """Return the sample rate of the network in Hz; an export with a resampler states its outer rate."""
    resampler = getattr(script, "resampler", None)
    if resampler is not None:
        rate = int(script.sr) // int(resampler.ratio)
    else:
        rate = int(script.sr if hasattr(script, "sr") else script.sampling_rate)
    if rate < 1:
        raise RtraveError(f"sample rate: expected a positive whole number, got {rate}")
    return rate


def notes(script: Script, name: str) -> list[str]:
    """Return what users must know about a rebuilt export, one line each."""
    found = []
    if not is_streaming(script):
        found.append(f"{name} was exported without streaming, so its blocks would click: rebuilt as a streaming model")
    if getattr(script, "resampler", None) is not None:
        found.append(f"{name} resamples inside: rebuilt at the network's own rate of {sample_rate(script)} Hz")
    if script.original_name.startswith("Variational") and not bool(script.fidelity.any()):
        found.append(f"{name} holds no PCA of its latents: its compressed space is the full one")
    return found


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def main() -> int:
    """Run the child process; the last line on stderr is the error."""
    source, destination = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        model, found = read_export(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=destination.parent) as folder:
            part = Path(folder) / destination.name
            save_native(model, part, f"rebuilt from the TorchScript export {source.name}", found)
            part.replace(destination)
    except RtraveError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot write '{destination}': {error.strerror or error}: set RTRAVE_CACHE", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
