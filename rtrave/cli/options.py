"""Options and steps that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rtrave.backends.facts import ModelFacts
from rtrave.backends.graph_shape import PRECISIONS, GraphShape
from rtrave.backends.matching import Spread, common_hop, unit_spread
from rtrave.backends.opening import ensure_model, read_facts
from rtrave.backends.routed import ensure_routed
from rtrave.backends.torchscript.facts import is_script, split_attributes
from rtrave.control.arguments import parse_setting
from rtrave.control.calibration import Calibration, calibrate
from rtrave.control.calibration import find as find_calibration
from rtrave.control.instrument import INPUT2, Instrument
from rtrave.control.namespace import Controls
from rtrave.control.parameter import MAX_SEED, SECOND_INPUT
from rtrave.control.persisted import apply_preset, load_state
from rtrave.control.vector import Layout
from rtrave.errors import ControlError, RtraveError
from rtrave.model.registry import find_model
from rtrave.model.spec import ModelSpec
from rtrave.settings import DEFAULT_MODEL, configs_dir, presets_dir
from rtrave.streaming.stream import attributes_of

DEFAULT_SHAPE = GraphShape()


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --decoder, --set, --preset, --dual-mono, --seed, and the options of `add_run_options`."""
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="a name that 'rtrave models' lists, a .safetensors file, a RAVE run folder or a .ckpt in one, or a "
        "TorchScript file, RAVE's own export or a third-party one for nn~ (default: %(default)s)",
    )
    model.add_argument(
        "--decoder",
        metavar="M2",
        help="play the encoder of --model into the decoder of M2; calibrations match their ranges",
    )
    model.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ADDRESS=VALUE",
        dest="settings",
        help="start with a control at this value, e.g. /rtrave/mix=0.5; may be repeated",
    )
    model.add_argument(
        "--preset",
        action="append",
        default=[],
        metavar="P",
        dest="presets",
        help="start with a preset: a TOML file of addresses and values, or a name such as slow-drift; may be repeated",
    )
    model.add_argument(
        "--dual-mono",
        action="store_true",
        help="play a mono model as two streams, left and right, that share only its weights and the controls",
    )
    model.add_argument("--seed", type=seed, metavar="N", help="seed of the noise (default: 0)")
    add_run_options(model)


def add_run_options(model: argparse._ActionsContainer) -> None:
    """Add --threads, --precision and --hop."""
    model.add_argument(
        "--threads", type=positive, default=1, metavar="N", help="processor cores for the model (default: %(default)s)"
    )
    model.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="precision of the large weights; int8 for small computers, see docs/performance.md (default: %(default)s)",
    )
    model.add_argument(
        "--hop",
        type=positive,
        metavar="N",
        help="samples per run of the model, a multiple of its ratio: more cost latency and save time "
        "(default: its ratio)",
    )


def natural(text: str) -> int:
    """Parse a whole number from 0 up, for argparse."""
    return whole_from(0, text)


def seed(text: str) -> int:
    """Parse a seed of the noise source, for argparse."""
    value = natural(text)
    if value > MAX_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {MAX_SEED}, got {value}")
    return value


def sums(text: str) -> list[list[int]]:
    """Parse a list of channels, or of sums of channels (1+2), for argparse; counted from 1, in the result from 0."""
    return [[positive(part) - 1 for part in group.split("+")] for group in text.split(",")]


def second_map(listed: list[list[int]] | None, facts: ModelFacts) -> list[list[int]] | None:
    """Return the device channels of the second source for each channel of the model; RtraveError where they do not fit.

    One entry in `listed` serves all channels of the model.
    """
    if listed is None or len(listed) == facts.channels:
        return listed
    if len(listed) != 1:
        expected = "1 channel" if facts.channels == 1 else f"1 channel or {facts.channels}"
        raise RtraveError(f"--second-input: expected {expected}, got {len(listed)}: list one for all, or one for each")
    return listed * facts.channels


def check_streams(facts: ModelFacts) -> None:
    """Raise an RtraveError for --dual-mono with a model that has several channels of its own."""
    if facts.shape.batch > 1 and facts.spec.channels > 1:
        raise RtraveError(
            f"--dual-mono: expected a mono model, got {facts.spec.name}, {facts.spec.channels} channels: leave it out"
        )


def positive(text: str) -> int:
    """Parse a whole number from 1 up, for argparse."""
    return whole_from(1, text)


def whole_from(least: int, text: str) -> int:
    """Parse a whole number from `least` up, in ASCII digits alone, for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, got {text!r}")
    return int(text)


def shape_of(arguments: argparse.Namespace) -> GraphShape:
    """Return the shape of the graphs that --dual-mono and the options of `add_run_options` request."""
    streams = 2 if getattr(arguments, "dual_mono", False) else 1
    return GraphShape(batch=streams, precision=arguments.precision, hop=arguments.hop)


def compiled(model: str, settings: Sequence[str] = (), shape: GraphShape = DEFAULT_SHAPE) -> Path:
    """Return the folder of a model in the cache, compiled or probed first where needed; progress goes to stderr.

    The `--set` options for attributes of a third-party TorchScript belong to what is opened.
    """
    path = find_model(model)
    attributes, _ = split_attributes(settings)
    if shape != DEFAULT_SHAPE and is_script(path):
        options = "--precision, --hop, --dual-mono"
        raise RtraveError(
            f"{options}: expected a RAVE model, got the third-party TorchScript '{path.name}': leave them out"
        )
    return ensure_model(path, shape, attributes, tell)


def routed(arguments: argparse.Namespace) -> Path:
    """Return the folder of what `--model` and `--decoder` name together; notes on what was adapted go to stderr."""
    shape = shape_of(arguments)
    if arguments.decoder is None:
        return compiled(arguments.model, arguments.settings, shape)
    names = (arguments.model, arguments.decoder)
    if any(is_script(find_model(name)) for name in names):
        raise RtraveError("--decoder: expected two RAVE models, got a third-party TorchScript: leave the option out")
    graphs = [compiled(name, (), replace(shape, hop=None)) for name in names]
    facts = [read_facts(graph) for graph in graphs]
    hop = common_hop(facts[0].spec, facts[1].spec, shape.hop)
    graphs = [
        graph if known.hop == hop else compiled(name, (), replace(shape, hop=hop))
        for name, graph, known in zip(names, graphs, facts, strict=True)
    ]
    spreads = [_spread(name, read_facts(graph)) for name, graph in zip(names, graphs, strict=True)]
    folder, adapted = ensure_routed(graphs[0], graphs[1], spreads[0], spreads[1])
    for note in adapted:
        tell(note)
    return folder


def _spread(name: str, facts: ModelFacts) -> Spread:
    calibration = known_calibration(name, facts.spec, facts.model_hash)
    if calibration is None:
        tell(f"{name} is not calibrated, so rtrave takes its latents for standard normal: see 'rtrave calibrate'")
        return unit_spread(facts.spec.full_latent_size)
    found = calibration.spaces["compressed"]
    return Spread(found.mean, found.std)


def tell(line: str) -> None:
    """Print a line on stderr, for the user and not part of the result."""
    print(line, file=sys.stderr, flush=True)


def initial_instrument(
    layout: Layout,
    spec: ModelSpec,
    model_hash: str,
    arguments: argparse.Namespace,
    state: Path | None = None,
) -> Instrument:
    """Return the instrument at the start of a run.

    Applied in this order: the calibration, the state of the last run (`state`), --preset, --seed, --set. Attributes of
    a third-party TorchScript are not controls: see `compiled`.

    Raises
    ------
    RtraveError
        An option does not fit the model.
    """
    instrument = Instrument(Controls(layout, attributes_of(spec)), spec.fidelity)
    if arguments.decoder is None:
        calibration = known_calibration(arguments.model, spec, model_hash)
    else:  # the controls edit the encoder's latents
        encoder = read_facts(compiled(arguments.model, (), replace(shape_of(arguments), hop=None)))
        calibration = known_calibration(arguments.model, encoder.spec, encoder.model_hash)
    if calibration is not None:
        calibrate(instrument.controls, calibration)
    if state is not None:
        for note in load_state(instrument, state):
            tell(note)
    if getattr(arguments, "second_input", None) is not None:
        instrument.choose_source = _only_the_second_input
    for preset in arguments.presets:
        apply_preset(instrument, find_preset(preset))
    if arguments.seed is not None:
        instrument.controls.set("/rtrave/seed", (arguments.seed,))
    settings = arguments.settings if spec.network else split_attributes(arguments.settings)[1]
    for setting in settings:
        try:
            address, values = parse_setting(setting)
            instrument.controls.set(address, values)
        except ControlError as error:
            raise RtraveError(f"--set {setting}: {error}") from error
    return instrument


def _only_the_second_input(name: str) -> int:
    if name != INPUT2:
        raise ControlError("denied", f"expected {INPUT2} as second source before a run begins, got {name!r}", 0)
    return SECOND_INPUT


def known_calibration(model: str, spec: ModelSpec, model_hash: str) -> Calibration | None:
    """Return the calibration of a model, the user's own before the one beside the model; None without one.

    A note on stderr names a calibration that cannot be read, and rtrave skips it.
    """
    return find_calibration(find_model(model), spec.name, model_hash, tell)


def find_preset(name: str) -> Path:
    """Return the file of a preset: a path that ends in .toml, or a name in the user's or the package's folder."""
    if name.endswith(".toml"):
        return Path(name).expanduser()
    known = known_presets()
    if name not in known:
        raise RtraveError(
            f"preset: expected a .toml file or one of {', '.join(sorted(known))}, got {name!r}: give one of these"
        )
    return known[name]


def known_presets() -> dict[str, Path]:
    """Return name and file of the package's presets and of the user's, which override the package's."""
    folders = (configs_dir() / "presets", presets_dir())
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}
