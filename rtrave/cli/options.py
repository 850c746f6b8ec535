"""Options and small steps that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rtrave.control.namespace import Controls, parse_setting
from rtrave.control.parameter import MAX_SEED
from rtrave.control.vector import Layout
from rtrave.errors import ControlError, RtraveError
from rtrave.model.registry import find_model
from rtrave.settings import DEFAULT_MODEL
from rtrave.streaming.graph_cache import ensure_graph
from rtrave.streaming.graph_shape import PRECISIONS, GraphShape
from rtrave.streaming.scripted import ensure_scripted, is_script, split_attributes

DEFAULT_SHAPE = GraphShape()


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--model, --set, --seed, and how it is run."""
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="a name that 'rtrave models' lists, a .safetensors file, a RAVE run folder or a .ckpt in one, or a "
        "TorchScript file: RAVE's own export, or any made for nn~ (default: %(default)s)",
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
        "--seed", type=seed, default=0, metavar="N", help="another number gives other noise (default: %(default)s)"
    )
    add_run_options(model)


def add_run_options(model: argparse._ActionsContainer) -> None:
    """--threads, --precision, --hop."""
    model.add_argument(
        "--threads", type=positive, default=1, metavar="N", help="processor cores for the model (default: %(default)s)"
    )
    model.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the large weights: int8 is for small computers, see docs/performance.md (default: %(default)s)",
    )
    model.add_argument(
        "--hop",
        type=positive,
        metavar="N",
        help="samples that the model takes at once, a multiple of its ratio: more cost delay and save time "
        "(default: its ratio)",
    )


def natural(text: str) -> int:
    """A whole number from 0 up, for argparse."""
    return whole_from(0, text)


def seed(text: str) -> int:
    """A seed of the noise source, for argparse."""
    value = natural(text)
    if value > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{value} came, expected a whole number up to {MAX_SEED}")
    return value


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    return whole_from(1, text)


def whole_from(least: int, text: str) -> int:
    """A whole number, plainly written."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} came, expected a whole number from {least} up")
    return int(text)


def shape_of(arguments: argparse.Namespace) -> GraphShape:
    """What the options of `add_run_options` ask for."""
    return GraphShape(precision=arguments.precision, hop=arguments.hop)


def compiled(model: str, settings: Sequence[str] = (), shape: GraphShape = DEFAULT_SHAPE) -> Path:
    """The folder of a model in the cache, compiled or tried out where needed; told on stderr.

    The `--set` options for attributes of a foreign script are part of what is opened.
    """
    path = find_model(model)
    attributes, _ = split_attributes(settings)
    if is_script(path):
        if shape != DEFAULT_SHAPE:
            raise RtraveError(f"{path.name} is a foreign TorchScript: it runs as it is, without --precision or --hop")
        return ensure_scripted(path, attributes, tell)
    if attributes:
        raise RtraveError(
            f"--set of {', '.join(attributes)}: {path.name} is no foreign TorchScript, it has no attributes"
        )
    return ensure_graph(path, shape, tell)


def tell(line: str) -> None:
    """A line for the user that is no result."""
    print(line, file=sys.stderr, flush=True)


def initial_controls(layout: Layout, settings: Sequence[str]) -> Controls:
    """Controls at their defaults, with the `--set` options applied; RtraveError for one that does not fit.

    Attributes of a foreign script are no controls: see `compiled`.
    """
    controls = Controls(layout)
    for setting in split_attributes(settings)[1]:
        try:
            address, values = parse_setting(setting)
            controls.set(address, values)
        except ControlError as error:
            raise RtraveError(f"--set {setting}: {error}") from error
    return controls
