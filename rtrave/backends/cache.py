"""The cache of compiled graphs: one folder per model and shape, written whole, checked when opened. Needs no torch.

A folder holds `encoder.onnx`, `decoder.onnx`, `latent_space.npz`, `initial_state.npz` and `manifest.json` (its
model, shape and builder, and the SHA-256 of each file). A damaged or outdated folder is built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from rtrave.backends.facts import BackendKind, ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.int8_weights import int8_weight_bits
from rtrave.errors import RtraveError
from rtrave.model.formats.exports import as_native
from rtrave.model.formats.files import model_files
from rtrave.model.spec import ModelSpec
from rtrave.settings import cache_dir

BUILDER_VERSION = 7  # raised with every change of what a graph computes or how it is laid out
MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A model in a folder of compiled graphs.

    Attributes
    ----------
    facts : ModelFacts
    initial : dict
        States that do not start at zero, by name.
    states : dict
        Shape of each state, by part ("encoder", "decoder") and name.
    """

    facts: ModelFacts
    initial: dict[str, NDArray[np.float32]]
    states: dict[str, dict[str, list[int]]]


def hash_source(path: Path) -> str:
    """Return the SHA-256 of a model file, or of configuration and checkpoint of a run, in hexadecimal."""
    digest = hashlib.sha256()
    for file in model_files(path):
        digest.update(file.name.encode() if path.is_dir() or path.suffix == ".ckpt" else b".")
        digest.update(_hash_file(file).encode())
    return digest.hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def graph_folder(model_hash: str, shape: GraphShape) -> Path:
    """Return the folder of a model's graphs, whether they are built or not."""
    key = [model_hash, asdict(shape), BUILDER_VERSION, onnxruntime.__version__]
    if shape.precision == "int8":
        key.append(int8_weight_bits())  # another processor on the same disk may need other weights
    return cache_dir() / "graphs" / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a whole, undamaged folder; None where it must be built (again)."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        BackendKind(manifest["kind"])
        whole = all(_hash_file(folder / name) == digest for name, digest in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if whole else None


def open_compiled(folder: Path) -> CompiledModel:
    """Read a folder of compiled graphs; RtraveError where it is missing or damaged."""
    manifest = read_manifest(folder)
    if manifest is None or manifest["kind"] != BackendKind.COMPILED:
        raise RtraveError(f"the compiled graph in '{folder}' is missing or damaged: start again to rebuild it")
    with np.load(folder / "latent_space.npz") as space, np.load(folder / "initial_state.npz") as initial:
        facts = ModelFacts(
            ModelSpec.from_json(manifest["spec"]),
            manifest["model_hash"],
            GraphShape(**manifest["shape"]),
            space["pca"],
            space["mean"],
            manifest["encoder_delay"],
            manifest["frames_per_step"],
            manifest["receptive_fields"],
        )
        return CompiledModel(facts, dict(initial), manifest["states"])


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; it replaces `folder` when the block ends well, and vanishes otherwise.

    The hashes of its files are added to its manifest.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    except OSError as error:
        raise RtraveError(
            f"cannot write the graph cache '{folder.parent}': {error}: set RTRAVE_CACHE to another folder"
        ) from error
    try:
        yield part
        manifest = json.loads((part / MANIFEST).read_text())
        manifest["files"] = {file.name: _hash_file(file) for file in part.iterdir() if file.name != MANIFEST}
        (part / MANIFEST).write_text(json.dumps(manifest))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            part.rename(folder)
        except OSError:  # another process built the same one first
            if read_manifest(folder) is None:
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def ensure_graph(source: Path, shape: GraphShape, report: Callable[[str], None] = lambda line: None) -> Path:
    """Return the graph folder of a model file; build it in a child process where the cache lacks it.

    Parameters
    ----------
    source : Path
        A native file, a run folder or a checkpoint in one, or an export of RAVE's own.
    report : callable
        Called with a line of text before each step that takes seconds.

    Raises
    ------
    RtraveError
        The model cannot be used; the message of the child process.
    """
    name, source = source.name, as_native(source, report)
    folder = graph_folder(hash_source(source), shape)
    if read_manifest(folder) is not None:
        return folder
    report(f"compiling {name} for this computer (once, about 15 s) ...")
    request = json.dumps({"source": str(source), "folder": str(folder), "shape": asdict(shape)})
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "rtrave.compiler.graph", request]
    with tempfile.TemporaryFile("w+") as errors:  # a full pipe would stop the child
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as child:
            for line in child.stdout or ():
                report(f"  {line.rstrip()}")
        if child.returncode:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or [f"the compiler ended with {child.returncode}"]
            raise RtraveError(lines[-1])
    if read_manifest(folder) is None:
        raise RtraveError(f"the compiled graph in {folder} is damaged right after it was written: check the disk")
    return folder
