"""Third-party TorchScript files of the nn~ contract: checked, probed once in a worker process, described as a model.

The result lies in a folder of the cache, which takes the place of a graph folder. Needs no torch: TorchScript is
loaded in worker processes only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.backends.cache import MANIFEST, new_folder
from rtrave.backends.facts import BackendKind, ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.torchscript.plan import Plan
from rtrave.backends.torchscript.process import Worker
from rtrave.errors import RtraveError
from rtrave.model.formats.archive import SUFFIX, check_archive, is_official
from rtrave.model.spec import ModelSpec
from rtrave.settings import cache_dir

PROBE_VERSION = 2  # raised with every change of the probe or of its record
PROBE_LIMIT_S = 60.0
DEFAULT_SAMPLE_RATE = 44100
ATTRIBUTE_ROOT = "/rtrave/attribute/"


@dataclass(frozen=True, kw_only=True)
class TorchScriptSpec(ModelSpec):
    """Public facts of a third-party TorchScript file. It has no network that could be rebuilt.

    Its capabilities are among "latents", "encode", "decode" and "effect", never "snapshot" or "replay": the state and
    the random draws of a TorchScript file are out of reach.

    Attributes
    ----------
    methods : tuple of str
        Methods that are called.
    attributes : dict
        Name to list of values, as they are while it plays.
    """

    methods: tuple[str, ...] = ()
    attributes: dict[str, Any]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TorchScriptSpec:
        """Read what `to_json` wrote."""
        lists = {name: tuple(record[name]) for name in ("fidelity", "capabilities", "methods")}
        return cls(**{**record, **lists})


@dataclass(frozen=True, eq=False)
class ProbedScript:
    """A TorchScript file as it was probed.

    Attributes
    ----------
    facts : ModelFacts
        One stream, a whole hop per call. Without a PCA: the two latent spaces are one.
    spec : TorchScriptSpec
        The spec of `facts`, with what only a TorchScript file has.
    source : Path
    plan : Plan
    attributes : dict
        Name to list of values to set; only those that the user gave.
    notes : tuple of str
        Notes for the user, one line each.
    """

    facts: ModelFacts
    spec: TorchScriptSpec
    source: Path
    plan: Plan
    attributes: dict[str, list[Any]]
    notes: tuple[str, ...]


def is_script(path: Path) -> bool:
    """Return True for a third-party TorchScript file; RAVE's own exports are rebuilt as native models instead.

    Raises
    ------
    RtraveError
        The file is named as TorchScript and is none.
    """
    return path.suffix == SUFFIX and not path.is_dir() and not is_official(path)


def ensure_torchscript(
    source: Path, attributes: Mapping[str, list[Any]] | None = None, report: Callable[[str], None] = lambda line: None
) -> Path:
    """Return the folder of a TorchScript file in the cache; probe it in a worker process where the cache lacks it.

    Parameters
    ----------
    source : Path
        A `.ts` file.
    attributes : mapping
        Name to list of values, to be set before it plays; the probe tries them.
    report : callable
        Called with each line that a user must know.

    Raises
    ------
    RtraveError
        The file cannot be used.
    """
    check_archive(source)
    requested = dict(attributes or {})
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = torchscript_folder(source, digest, requested)
    if not _is_whole(folder):
        report(f"trying out {source.name} ...")
        record = _describe(source, digest, requested, _probe(source, digest, requested))
        with new_folder(folder) as part:
            (part / MANIFEST).write_text(json.dumps({"kind": BackendKind.TORCHSCRIPT, "probed": record}))
    for note in open_torchscript(folder).notes:
        report(note)
    return folder


def torchscript_folder(source: Path, digest: str, attributes: Mapping[str, list[Any]]) -> Path:
    """Return the folder of a TorchScript file's facts, whether it is probed or not."""
    key = json.dumps([str(source.resolve()), digest, sorted(attributes.items()), PROBE_VERSION])
    return cache_dir() / "torchscript" / hashlib.sha256(key.encode()).hexdigest()[:32]


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
    """Describe a TorchScript file, from what the probe found, as the record of its folder."""
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
        notes.append(f"{name} reports no sample rate: {DEFAULT_SAMPLE_RATE} Hz is assumed")
    if not found["finite"]:
        notes.append(f"{name} gave NaN or infinity for noise: such blocks are played as silence")
    elif found["streaming"] is None:
        notes.append(f"{name} draws random numbers: whether its blocks join is unknown, and no two runs are alike")
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


def open_torchscript(folder: Path) -> ProbedScript:
    """Read a folder that `ensure_torchscript` made; RtraveError where it is missing or damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        BackendKind(manifest["kind"])
        record = manifest["probed"]
        spec, plan = TorchScriptSpec.from_json(record["spec"]), Plan.from_json(record["plan"])
        shape = GraphShape(latent_frames=plan.latent_frames)
        space = np.eye(plan.dims, dtype=np.float32), np.zeros(plan.dims, np.float32)
        return ProbedScript(
            ModelFacts(spec, record["hash"], shape, *space),
            spec,
            Path(record["source"]),
            plan,
            record["attributes"],
            tuple(record["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RtraveError(f"the probed facts in '{folder}' are missing or damaged: start again") from error


def split_attributes(settings: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """Split `--set` options into attributes of a TorchScript file, name to values, and the other options.

    `/rtrave/attribute/gain=0.5` sets an attribute; commas separate several values. Numbers and true or false are read
    as such, all else is text.
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
