"""`rtrave info`: examine a model, and measure whether it keeps what it promises."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrave.backends.torchscript.facts import ensure_torchscript, open_torchscript
from rtrave.cli.convert import load_told
from rtrave.cli.models import format_of, torchscript_format
from rtrave.cli.options import tell
from rtrave.model.registry import find_model, read_header
from rtrave.model.spec import ModelSpec

if TYPE_CHECKING:
    from rtrave.model.probe import Measured
    from rtrave.model.rave import Model

SHARES = (0.8, 0.9, 0.95, 0.99)  # the rows of the fidelity table


@dataclass(frozen=True, kw_only=True)
class SpecInfo:
    """Facts of every model, from its `ModelSpec`; `rtrave info --json` prints the fields under their names."""

    name: str
    architecture: str
    regularisation: str
    sample_rate: int
    ratio: int
    channels: int
    latent_size: int
    full_latent_size: int
    delay: int
    acoustic_delay: int
    causal: bool
    streaming: bool | None
    parameters: int
    fidelity: list[float]
    format: str


@dataclass(frozen=True, kw_only=True)
class MeasuredInfo:
    """Numbers of `rtrave.model.probe.Measured`; None stands for "not measured" and for a number that is not finite."""

    delay: int | None
    acoustic_delay: int | None
    encoder_delay: int | None
    decoder_delay: int | None
    bank_delay: int | None
    fit_error: float | None
    partition_error: float | None
    silence_peak: float | None


@dataclass(frozen=True, kw_only=True)
class NetworkInfo(SpecInfo):
    """Facts of a model that rtrave rebuilds: reported and measured."""

    weights_bytes: int
    dims_that_reach: dict[str, int]
    latent_mean: list[float] | None
    noise_synthesiser: int | None
    noise_augmentation: int
    discriminator: bool
    attributes: list[str]
    provenance: str | None
    measured: MeasuredInfo
    problems: list[str]


@dataclass(frozen=True, kw_only=True)
class TorchScriptInfo(SpecInfo):
    """Facts of a third-party TorchScript, from its probe."""

    hop: int
    methods: list[str]
    attributes: dict[str, Any]  # name to values, as the file has them
    capabilities: list[str]
    problems: list[str]


Info = NetworkInfo | TorchScriptInfo


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "info",
        help="examine a model",
        description="Examine a model: its network, whether it streams, and its measured delays. Takes some seconds.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    path = find_model(arguments.model)
    file_format = torchscript_format(path) if path.suffix == ".ts" and not path.is_dir() else format_of(path)
    facts: Info = torchscript_facts(path) if file_format == "script" else network_facts(path, file_format)
    if arguments.json:
        print(json.dumps(asdict(facts), indent=1, allow_nan=False))
    else:
        print("\n".join(words(facts)))
    return 0


def spec_facts(spec: ModelSpec, file_format: str) -> dict[str, Any]:
    """Return the arguments of a `SpecInfo`."""
    names = (
        "name", "architecture", "regularisation", "sample_rate", "ratio", "channels", "latent_size",
        "full_latent_size", "delay", "acoustic_delay", "causal", "streaming", "parameters",
    )  # fmt: skip
    return {name: getattr(spec, name) for name in names} | {"fidelity": list(spec.fidelity), "format": file_format}


def network_facts(path: Path, file_format: str) -> NetworkInfo:
    """Load a model, measure it, and collect its facts."""
    from rtrave.model.probe import measure
    from rtrave.model.weights import folded

    model = load_told(path)
    measured = measure(model)
    plain = folded(model)
    header = read_header(path) if path.suffix == ".safetensors" else {}
    noise = model.network.decoder.noise
    reported = spec_facts(model.spec, file_format) | {"streaming": measured.streaming}
    return NetworkInfo(
        **reported,
        weights_bytes=sum(4 * p.numel() for part in (plain.encoder, plain.decoder) for p in part.parameters()),
        dims_that_reach={str(share): model.spec.dims_that_reach(share) for share in SHARES}
        if model.spec.fidelity
        else {},
        latent_mean=model.latent_mean.tolist() if model.network.regularisation == "variational" else None,
        noise_synthesiser=None if noise is None else noise.version,
        noise_augmentation=model.network.noise_augmentation,
        discriminator=model.discriminator is not None,
        attributes=attributes_of(model),
        provenance=header.get("provenance") or None,
        measured=measured_facts(measured),
        problems=problems(model.spec, measured),
    )


def attributes_of(model: Model) -> list[str]:
    """Return the names that `Stream.set_attribute` takes."""
    from rtrave.streaming.open_stream import stream

    return list(stream(model, backend="torch").attributes)


def measured_facts(measured: Measured) -> MeasuredInfo:
    """Return the measured numbers, with None for NaN and infinity, which JSON has no words for."""

    def finite(number: float) -> float | None:
        return number if math.isfinite(number) else None

    return MeasuredInfo(
        delay=measured.delay,
        acoustic_delay=measured.acoustic_delay,
        encoder_delay=measured.encoder_delay,
        decoder_delay=measured.decoder_delay,
        bank_delay=measured.bank_delay,
        fit_error=finite(measured.fit_error),
        partition_error=finite(measured.partition_error),
        silence_peak=finite(measured.silence_peak),
    )


def problems(spec: ModelSpec, measured: Measured) -> list[str]:
    """Return a line for each promise that the model does not keep."""
    found = []
    if not measured.streaming:
        found.append(
            f"it does not stream: two ways to cut a signal differ by {measured.partition_error:.1e} of the peak, "
            f"stream and whole signal by {measured.fit_error:.1e}"
        )
    if measured.delay != spec.delay:
        found.append(f"its delay: reported {spec.delay} samples, measured {measured.delay}")
    if measured.acoustic_delay not in (None, spec.acoustic_delay):
        found.append(f"its acoustic delay: reported {spec.acoustic_delay} samples, measured {measured.acoustic_delay}")
    if not math.isfinite(measured.silence_peak):
        found.append("it turns digital silence into NaN or infinity")
    return found


def torchscript_facts(path: Path) -> TorchScriptInfo:
    """Probe a third-party TorchScript and collect its facts."""
    script = open_torchscript(ensure_torchscript(path, report=tell))
    return TorchScriptInfo(
        **spec_facts(script.spec, "script"),
        hop=script.facts.hop,
        methods=list(script.spec.methods),
        attributes=dict(script.spec.attributes),
        capabilities=list(script.spec.capabilities),
        problems=list(script.notes),
    )


def words(facts: Info) -> list[str]:
    """Return the facts as lines for people."""
    rate = facts.sample_rate
    file_format = {"export": "RAVE's own export", "script": "a third-party TorchScript"}.get(facts.format, facts.format)
    lines = [
        f"{facts.name}: {facts.architecture}, {facts.regularisation}, {file_format}",
        f"sound      {rate} Hz, {facts.channels} channel(s)",
        f"latents    {facts.full_latent_size} dimensions, {facts.latent_size} for musicians; one frame in "
        f"{facts.ratio} samples ({rate / facts.ratio:.1f} a second)"
        if facts.full_latent_size
        else "latents    none",
        f"size       {facts.parameters:,} parameters"
        + (f", {facts.weights_bytes / 1e6:.1f} MB of weights" if isinstance(facts, NetworkInfo) else ""),
        f"streaming  {({True: 'yes', False: 'no', None: 'unknown'})[facts.streaming]}"
        + (f", {'causal' if facts.causal else 'centred (looks ahead)'}" if isinstance(facts, NetworkInfo) else ""),
    ]
    if isinstance(facts, NetworkInfo):
        lines += [*delay_words(facts), *network_words(facts)]
    else:
        delay = f"delay      {samples(facts.delay, rate)}: one hop of {facts.hop} samples"
        lines += [delay, f"methods    {', '.join(facts.methods)}"]
    return [*lines, f"attributes {', '.join(facts.attributes) or 'none'}", *verdict(facts)]


def samples(count: int | None, sample_rate: int) -> str:
    """Format a delay in samples and milliseconds."""
    return "not measured" if count is None else f"{count} samples ({1000 * count / sample_rate:.1f} ms)"


def delay_words(facts: NetworkInfo) -> list[str]:
    """Return the lines on delays."""
    measured, rate = facts.measured, facts.sample_rate
    return [
        f"delay      {samples(measured.delay, rate)} measured, {facts.delay} reported; encoder "
        f"{measured.encoder_delay}, decoder {measured.decoder_delay}",
        f"audible    {samples(measured.acoustic_delay, rate)} measured, {facts.acoustic_delay} reported (the delay and "
        "that of the filter bank)",
    ]


def network_words(facts: NetworkInfo) -> list[str]:
    """Return the lines on fidelity, statistics, noise, training and provenance, where the model has them."""
    lines = []
    if facts.dims_that_reach:
        rows = ", ".join(f"{100 * float(share):.0f} % with {count}" for share, count in facts.dims_that_reach.items())
        lines.append(f"fidelity   share of the latents' variance: {rows} components")
    if facts.latent_mean:
        low, high = min(facts.latent_mean), max(facts.latent_mean)
        lines.append(f"statistics means of the dimensions from {low:.2f} to {high:.2f}")
    version, extra = facts.noise_synthesiser, facts.noise_augmentation
    lines.append(f"noise      {'no synthesiser' if version is None else f'synthesiser, version {version}'}"
                 + (f"; {extra} channels of noise beside the latents" if extra else ""))  # fmt: skip
    lines.append(f"training   {'with' if facts.discriminator else 'without'} its discriminator")
    if facts.provenance:
        lines.append(f"origin     {facts.provenance}")
    return lines


def verdict(facts: Info) -> list[str]:
    """Return the last lines: every problem, or that the model plays live."""
    if facts.problems:
        return [f"verdict    {line}" for line in facts.problems]
    if isinstance(facts, NetworkInfo):
        return ["verdict    plays live: blocks join, delays are as reported, silence stays finite"]
    return ["verdict    plays live: its blocks join"]
