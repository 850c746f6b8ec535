"""`rtrave info`: what a model is, and whether it keeps what it promises."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrave.backends.torchscript.facts import ensure_torchscript, open_torchscript
from rtrave.cli.convert import load_told
from rtrave.cli.models import format_of, script_format
from rtrave.cli.options import tell
from rtrave.model.registry import find_model, read_header
from rtrave.model.spec import ModelSpec

if TYPE_CHECKING:
    from rtrave.model.probe import Measured
    from rtrave.model.rave import Model

SHARES = (0.8, 0.9, 0.95, 0.99)  # the rows of the fidelity table


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "info",
        help="examine a model",
        description="Examine a model: what it is, whether it streams, and its delays, measured. Takes some seconds.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    path = find_model(arguments.model)
    kept = script_format(path) if path.suffix == ".ts" and not path.is_dir() else format_of(path)
    facts = script_facts(path) if kept == "script" else model_facts(path, kept)
    if arguments.json:
        print(json.dumps(facts, indent=1, allow_nan=False))
    else:
        print("\n".join(words(facts)))
    return 0


def common_facts(spec: ModelSpec, format: str) -> dict[str, Any]:
    """What is known of every model."""
    names = (
        "name", "architecture", "regularisation", "sample_rate", "ratio", "channels", "latent_size",
        "full_latent_size", "delay", "acoustic_delay", "causal", "streaming", "parameters",
    )  # fmt: skip
    return {name: getattr(spec, name) for name in names} | {"fidelity": list(spec.fidelity), "format": format}


def model_facts(path: Path, kept: str) -> dict[str, Any]:
    """Of a model that rtrave plays itself: reported and measured."""
    from rtrave.model.probe import measure
    from rtrave.model.weights import folded

    model = load_told(path)
    measured = measure(model)
    plain = folded(model)
    header = read_header(path) if path.suffix == ".safetensors" else {}
    facts = common_facts(model.spec, kept) | {"streaming": measured.streaming}
    noise = model.network.decoder.noise
    return facts | {
        "weights_bytes": sum(4 * p.numel() for part in (plain.encoder, plain.decoder) for p in part.parameters()),
        "dims_that_reach": {str(share): model.spec.dims_that_reach(share) for share in SHARES}
        if facts["fidelity"]
        else {},
        "latent_mean": model.latent_mean.tolist() if model.network.regularisation == "variational" else None,
        "noise_synthesiser": None if noise is None else noise.version,
        "noise_augmentation": model.network.noise_augmentation,
        "discriminator": model.discriminator is not None,
        "attributes": attributes_of(model),
        "provenance": header.get("provenance") or None,
        "measured": measured_facts(measured),
        "problems": problems(model.spec, measured),
    }


def attributes_of(model: Model) -> list[str]:
    """What `Stream.set_attribute` takes."""
    from rtrave.streaming.open_stream import stream

    return list(stream(model, backend="torch").attributes)


def measured_facts(measured: Measured) -> dict[str, Any]:
    """The measured numbers, as JSON knows them."""
    names = (
        "delay", "acoustic_delay", "encoder_delay", "decoder_delay", "bank_delay", "fit_error", "partition_error",
        "silence_peak",
    )  # fmt: skip
    numbers = {name: getattr(measured, name) for name in names}
    return {name: number if number is None or math.isfinite(number) else None for name, number in numbers.items()}


def problems(spec: ModelSpec, measured: Measured) -> list[str]:
    """What is wrong, a line each."""
    found = []
    if not measured.streaming:
        found.append(
            f"it does not stream: cut into blocks it is off by {measured.partition_error:.1e} of the peak, against the "
            f"whole signal by {measured.fit_error:.1e}"
        )
    if measured.delay != spec.delay:
        found.append(f"its delay is {measured.delay} samples, {spec.delay} are reported")
    if measured.acoustic_delay not in (None, spec.acoustic_delay):
        found.append(f"its acoustic delay is {measured.acoustic_delay} samples, {spec.acoustic_delay} are reported")
    if not math.isfinite(measured.silence_peak):
        found.append("digital silence makes it give NaN or infinity")
    return found


def script_facts(path: Path) -> dict[str, Any]:
    """Of a foreign script: what its probe found."""
    script = open_torchscript(ensure_torchscript(path, report=tell))
    return common_facts(script.spec, "script") | {
        "hop": script.facts.hop,
        "methods": list(script.spec.methods),
        "attributes": dict(script.spec.attributes),
        "capabilities": list(script.spec.capabilities),
        "problems": list(script.notes),
    }


def words(facts: dict[str, Any]) -> list[str]:
    """The facts for people."""
    rate = facts["sample_rate"]
    kept = {"export": "RAVE's own export", "script": "a foreign TorchScript"}.get(facts["format"], facts["format"])
    lines = [
        f"{facts['name']}: {facts['architecture']}, {facts['regularisation']}, {kept}",
        f"sound      {rate} Hz, {facts['channels']} channel(s)",
        f"latents    {facts['full_latent_size']} dimensions, {facts['latent_size']} for musicians; one frame in "
        f"{facts['ratio']} samples ({rate / facts['ratio']:.1f} a second)"
        if facts["full_latent_size"]
        else "latents    none",
        f"size       {facts['parameters']:,} parameters"
        + (f", {facts['weights_bytes'] / 1e6:.1f} MB of weights" if "weights_bytes" in facts else ""),
        f"streaming  {({True: 'yes', False: 'no', None: 'cannot be told'})[facts['streaming']]}"
        + ("" if facts["format"] == "script" else f", {'causal' if facts['causal'] else 'centred (looks ahead)'}"),
        *delay_words(facts),
        *network_words(facts),
    ]
    if facts["format"] == "script":
        lines.append(f"methods    {', '.join(facts['methods'])}")
    names = ", ".join(facts["attributes"]) or "none"
    return [*lines, f"attributes {names}", *verdict(facts)]


def delay_words(facts: dict[str, Any]) -> list[str]:
    """Delays in samples and milliseconds."""

    def samples(count: int | None) -> str:
        return "not measured" if count is None else f"{count} samples ({1000 * count / facts['sample_rate']:.1f} ms)"

    measured = facts.get("measured")
    if measured is None:
        return [f"delay      {samples(facts['delay'])}: its blocks come one hop of {facts['hop']} samples later"]
    return [
        f"delay      {samples(measured['delay'])} measured, {facts['delay']} reported; encoder "
        f"{measured['encoder_delay']}, decoder {measured['decoder_delay']}",
        f"heard      {samples(measured['acoustic_delay'])} measured, {facts['acoustic_delay']} reported (the delay and "
        "that of the filter bank)",
    ]


def network_words(facts: dict[str, Any]) -> list[str]:
    """Fidelity, statistics, noise: where there are any."""
    lines = []
    if facts.get("dims_that_reach"):
        shares = facts["dims_that_reach"].items()
        rows = ", ".join(f"{100 * float(share):.0f} % with {count}" for share, count in shares)
        lines.append(f"fidelity   share of the latents' variance: {rows} components")
    if facts.get("latent_mean"):
        low, high = min(facts["latent_mean"]), max(facts["latent_mean"])
        lines.append(f"statistics means of the dimensions from {low:.2f} to {high:.2f}")
    if "noise_synthesiser" in facts:
        version, extra = facts["noise_synthesiser"], facts["noise_augmentation"]
        lines.append(f"noise      {'no synthesiser' if version is None else f'synthesiser, version {version}'}"
                     + (f"; {extra} channels of noise beside the latents" if extra else ""))  # fmt: skip
        lines.append(f"training   {'with' if facts['discriminator'] else 'without'} its discriminator")
    if facts.get("provenance"):
        lines.append(f"comes from {facts['provenance']}")
    return lines


def verdict(facts: dict[str, Any]) -> list[str]:
    """The last lines: what to make of it."""
    if facts["problems"]:
        return [f"verdict    {line}" for line in facts["problems"]]
    return ["verdict    plays live: blocks join, delays are as reported, silence stays finite"
            if facts["format"] != "script" else "verdict    plays live: its blocks join"]  # fmt: skip
