"""Any TorchScript that keeps the nn~ contract: checked, probed once in a worker process, and described as a model.

What is found out is kept in a folder of the cache, which stands for the script wherever a native model's graph folder
would. Needs no torch: TorchScript is loaded in worker processes only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.backends.cache import MANIFEST, GraphFacts, new_folder, open_facts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.routed import is_routed, open_routed
from rtrave.backends.torchscript.plan import Plan
from rtrave.backends.torchscript.process import Worker
from rtrave.errors import RtraveError
from rtrave.model.formats.archive import SUFFIX, check_archive, is_official
from rtrave.model.spec import ModelSpec
from rtrave.settings import cache_dir

PROBE_VERSION = 1  # raised with every change of what is probed or how it is kept
PROBE_LIMIT_S = 60.0
DEFAULT_SAMPLE_RATE = 44100
ATTRIBUTE_ROOT = "/rtrave/attribute/"


@dataclass(frozen=True, kw_only=True)
class TorchScriptSpec(ModelSpec):
    """What users and hosts ask of a foreign script. It has no network that could be rebuilt, and so no record of one.

    Its capabilities are of "latents", "encode", "decode" and "effect", never "snapshot" or "replay": what a script
    remembers, and what it draws, is out of reach.

    Attributes
    ----------
    methods : tuple of str
        Those that are called.
    attributes : dict
        Name to list of values, as they are while it plays.
    """

    methods: tuple[str, ...] = ()
    attributes: dict[str, Any]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TorchScriptSpec:
        """The inverse of `to_json`."""
        lists = {name: tuple(record[name]) for name in ("fidelity", "capabilities", "methods")}
        return cls(**{**record, **lists})


@dataclass(frozen=True)
class TorchScriptFacts:
    """What a player needs of a probed script.

    Attributes
    ----------
    spec : TorchScriptSpec
    model_hash : str
        SHA-256 of the file.
    source : Path
    plan : Plan
    attributes : dict
        Name to list of values to set; only those that the user gave.
    notes : tuple of str
        What a user must know, one line each.
    """

    spec: TorchScriptSpec
    model_hash: str
    source: Path
    plan: Plan
    attributes: dict[str, list[Any]]
    notes: tuple[str, ...]

    @property
    def shape(self) -> GraphShape:
        """One signal, a whole hop per call."""
        return GraphShape(latent_frames=self.plan.latent_frames)

    @property
    def channels(self) -> int:
        """Audio channels."""
        return self.plan.channels

    @property
    def hop(self) -> int:
        """Samples per call."""
        return self.plan.hop

    @property
    def latent_pca(self) -> np.ndarray:
        """Identity [D, D]: a script tells no PCA, so its two latent spaces are one."""
        return np.eye(self.plan.dims, dtype=np.float32)

    @property
    def latent_mean(self) -> np.ndarray:
        """Zeros [D]."""
        return np.zeros(self.plan.dims, np.float32)


ModelFacts = GraphFacts | TorchScriptFacts


def is_script(path: Path) -> bool:
    """Whether a model file is for this module: TorchScript, and no export of RAVE's own, which is rebuilt instead.

    Raises
    ------
    RtraveError
        One line, where it is named as TorchScript and is none.
    """
    return path.suffix == SUFFIX and not path.is_dir() and not is_official(path)


def ensure_torchscript(
    source: Path, attributes: Mapping[str, list[Any]] | None = None, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """The folder of a script in the cache, probed in a worker process where it is not known yet.

    Parameters
    ----------
    source : Path
        A `.ts` file.
    attributes : mapping
        Name to list of values, to be set before it plays; they are tried here.
    tell : callable
        Called with each line that a user must know.

    Raises
    ------
    RtraveError
        It cannot be used; one line.
    """
    check_archive(source)
    wanted = dict(attributes or {})
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = torchscript_folder(source, digest, wanted)
    if not _is_whole(folder):
        tell(f"trying out {source.name} ...")
        record = _describe(source, digest, wanted, _probe(source, digest, wanted))
        with new_folder(folder) as part:
            (part / MANIFEST).write_text(json.dumps({"scripted": record}))
    for note in open_torchscript(folder).notes:
        tell(note)
    return folder


def torchscript_folder(source: Path, digest: str, attributes: Mapping[str, list[Any]]) -> Path:
    """Where the facts of a script are kept, probed or not."""
    key = json.dumps([str(source.resolve()), digest, sorted(attributes.items()), PROBE_VERSION])
    return cache_dir() / "scripted" / hashlib.sha256(key.encode()).hexdigest()[:32]


def _probe(source: Path, digest: str, attributes: Mapping[str, list[Any]]) -> dict[str, Any]:
    worker = Worker()
    request = {"do": "probe", "path": str(source.resolve()), "hash": digest, "attributes": dict(attributes)}
    try:
        return worker.ask(request, PROBE_LIMIT_S)
    except RtraveError as error:
        raise RtraveError(f"{source} {error}") from error
    finally:
        worker.kill()


def _describe(source: Path, digest: str, attributes: dict[str, list[Any]], found: dict[str, Any]) -> dict[str, Any]:
    """The record that is kept, from what the probe found."""
    plan = Plan.from_json(found["plan"])
    dims = plan.dims
    spec = TorchScriptSpec(
        name=source.stem,
        architecture="TorchScript",
        regularisation="none",
        sample_rate=found["sample_rate"] or DEFAULT_SAMPLE_RATE,
        ratio=plan.hop // plan.latent_frames,
        channels=plan.channels,
        latent_size=dims,
        full_latent_size=dims,
        delay=plan.hop,
        acoustic_delay=plan.hop,
        causal=False,
        parameters=found["parameters"],
        fidelity=(),
        capabilities=tuple(
            word
            for word, there in (
                ("latents", dims),
                ("encode", plan.encode),
                ("decode", plan.decode),
                ("effect", plan.effect),
            )
            if there
        ),
        streaming=found["streaming"],
        methods=plan.methods,
        attributes={name: fact["value"] for name, fact in found["attributes"].items()},
    )
    return {
        "spec": spec.to_json(),
        "hash": digest,
        "source": str(source.resolve()),
        "plan": plan.to_json(),
        "attributes": attributes,
        "notes": _notes(source.name, plan, spec.sample_rate, found),
        "found": found,
    }


def _notes(name: str, plan: Plan, sample_rate: int, found: Mapping[str, Any]) -> list[str]:
    hop_ms = 1000 * plan.hop / sample_rate
    notes = []
    if found["sample_rate"] is None:
        notes.append(f"{name} tells no sample rate: {DEFAULT_SAMPLE_RATE} Hz is assumed")
    if not found["finite"]:
        notes.append(f"{name} gave NaN or infinity for noise: such blocks are played as silence")
    elif found["streaming"] is None:
        notes.append(f"{name} draws random numbers: whether its blocks join cannot be told, and no run repeats another")
    elif not found["streaming"]:
        notes.append(
            f"{name} does not stream (cut into blocks it differs from itself by {100 * found['difference']:.1f} % of "
            f"the peak): it plays, but its blocks may click every {hop_ms:.0f} ms"
        )
    if found["hop_ms"] > hop_ms:
        notes.append(f"{name} takes {found['hop_ms']:.0f} ms for {hop_ms:.0f} ms of sound: too slow to play live here")
    return notes


def _is_whole(folder: Path) -> bool:
    try:
        open_torchscript(folder)
    except RtraveError:
        return False
    return True


def is_torchscript(folder: Path) -> bool:
    """Whether a folder of the cache is of a foreign script (else it is a compiled graph)."""
    return folder.parent.name == "scripted"


def open_torchscript(folder: Path) -> TorchScriptFacts:
    """Read a folder that `ensure_torchscript` made; RtraveError where it is missing or damaged."""
    try:
        record = json.loads((folder / MANIFEST).read_text())["scripted"]
        return TorchScriptFacts(
            TorchScriptSpec.from_json(record["spec"]),
            record["hash"],
            Path(record["source"]),
            Plan.from_json(record["plan"]),
            record["attributes"],
            tuple(record["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RtraveError(f"what was found out in {folder} is missing or damaged: start again") from error


def read_facts(folder: Path) -> ModelFacts:
    """The facts of any folder of the cache: a compiled graph, a pair of them, or a script."""
    if is_routed(folder):
        return open_routed(folder)
    return open_torchscript(folder) if is_torchscript(folder) else open_facts(folder)


def split_attributes(settings: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """`--set` options for attributes of a script, as name to values, and the other options.

    `/rtrave/attribute/gain=0.5`; several values with commas. Numbers and true or false are read as such, all else
    is text.
    """
    attributes, others = {}, []
    for setting in settings:
        if setting.startswith(ATTRIBUTE_ROOT):
            name, _, text = setting.removeprefix(ATTRIBUTE_ROOT).partition("=")
            attributes[name] = [_value(part) for part in text.split(",")]
        else:
            others.append(setting)
    return attributes, others


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
