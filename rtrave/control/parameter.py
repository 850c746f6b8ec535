"""The one table of addresses. Ranges, types, defaults, validation and the control vector derive from it.

Numbers arrive as Python int, float, bool or a numeric string; the rules here are those of OSC messages and of
`--set` alike. Pure functions of their arguments: any thread of any process may call them.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rtrave.errors import ControlError

ROOT = "/rtrave/"
NORM = "/rtrave/norm/"
PANIC = "/rtrave/panic"
RESET = "/rtrave/latents/reset"
TAG_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_-")

Value = float | int | str


@dataclass(frozen=True)
class Parameter:
    """One address of the control namespace.

    Parameters
    ----------
    address : str
        Full address; `<n>` stands for the index of a latent dimension, from 0.
    type : str
        OSC types of the arguments or of the value, one letter each: "f", "i", "s", "iffi"; "" is a trigger.
    default, low, high : float
        Default value and soft range (what a fader shows). For a choice the default is its index.
    hard_low, hard_high : float
        Where a float is clipped, and beyond which an integer is refused.
    unit : str
        "dB", "latent" and so on; "" for a plain number.
    access : str
        "rw", "r" or "w".
    choices : tuple of str
        The allowed words of an "s" control; its value in the vector is the index.
    description : str
        One line for users.
    kind : str
        "control" (has a place in the control vector), "vector" (all latent dimensions of a control at once),
        "action" (does something), "read" (a value told by the program), "reply" (only sent by the program).
    optional : int
        How many of the last arguments of an action may be left out.
    per_latent : bool
        A value with one number per latent dimension.
    """

    address: str
    type: str
    default: float = 0.0
    low: float = 0.0
    high: float = 1.0
    hard_low: float = 0.0
    hard_high: float = 1.0
    unit: str = ""
    access: str = "rw"
    choices: tuple[str, ...] = ()
    description: str = ""
    kind: str = "control"
    optional: int = 0
    per_latent: bool = False


def _float(
    address: str,
    default: float,
    low: float,
    high: float,
    unit: str,
    description: str,
    hard: tuple[float, float] | None = None,
) -> Parameter:
    hard_low, hard_high = hard or (low, high)
    return Parameter(ROOT + address, "f", default, low, high, hard_low, hard_high, unit, description=description)


def _switch(address: str, default: float, description: str) -> Parameter:
    return Parameter(ROOT + address, "i", default, description=description)


def _choice(address: str, choices: tuple[str, ...], description: str) -> Parameter:
    last = float(len(choices) - 1)
    return Parameter(ROOT + address, "s", 0.0, 0.0, last, 0.0, last, choices=choices, description=description)


def _action(address: str, type: str, description: str, optional: int = 0) -> Parameter:
    return Parameter(ROOT + address, type, access="w", description=description, kind="action", optional=optional)


def _read(address: str, type: str, unit: str, description: str, per_latent: bool = False) -> Parameter:
    return Parameter(
        ROOT + address, type, unit=unit, access="r", description=description, kind="read", per_latent=per_latent
    )


def _reply(address: str, type: str, description: str) -> Parameter:
    return Parameter(ROOT + address, type, access="r", description=description, kind="reply")


_LATENT = (
    _float("latent/<n>/scale", 1.0, -5.0, 5.0, "", "multiply the latent"),
    _float("latent/<n>/bias", 0.0, -3.0, 3.0, "latent", "add to the latent", (-10.0, 10.0)),
    _float("latent/<n>/value", 0.0, -3.0, 3.0, "latent", "manual value", (-10.0, 10.0)),
    _float("latent/<n>/override", 0.0, 0.0, 1.0, "", "mix from the encoder to the manual value"),
    _switch("latent/<n>/mute", 0.0, "force the latent to 0"),
    _float("latent/<n>/noise", 0.0, 0.0, 3.0, "σ", "jitter added per latent frame"),
)

TABLE: tuple[Parameter, ...] = (
    *_LATENT,
    *(
        replace(
            p,
            address=p.address.replace("latent/<n>", "latents"),
            kind="vector",
            per_latent=True,
            description=p.description + ": one number for all, or one for each",
        )
        for p in _LATENT
    ),
    _read("latent/<n>/in", "f", "latent", "latent before processing"),
    _read("latent/<n>/out", "f", "latent", "latent after processing"),
    _action("latents/reset", "", "all latent edits back to identity"),
    _choice("space", ("compressed", "full"), "space of the latent dimensions"),
    _float("mix", 1.0, 0.0, 1.0, "", "dry/wet, dry delayed to match"),
    _float("in/gain", 0.0, -70.0, 12.0, "dB", "input gain"),
    _float("in/gate", -90.0, -90.0, 0.0, "dB", "the model is silent while the input stays below; -90 is off"),
    _float("out/gain", 0.0, -70.0, 12.0, "dB", "output gain"),
    _switch("out/limit", 1.0, "limiter"),
    _switch("bypass", 0.0, "dry only"),
    _switch("freeze", 0.0, "hold the whole latent"),
    _switch("silence", 0.0, "kill switch, ramped"),
    Parameter(
        PANIC, "", hard_high=math.inf, access="w", description="modulation off, unfreeze, identity, caches cleared"
    ),
    _read("z/out", "f", "latent", "the newest latent frame after processing", per_latent=True),
    _read("model/name", "s", "", "name of the model"),
    _read("model/dims", "i", "", "number of latent dimensions"),
    _read("model/sample_rate", "i", "Hz", "sample rate of the model"),
    _read("model/ratio", "i", "samples", "samples per latent frame"),
    _read("model/encoder", "s", "", "kind of encoder"),
    _read("model/delay", "i", "samples", "what a listener hears the model late by (its acoustic delay)"),
    _action("model/load", "s", "play another model, by its registered name; answered by /rtrave/done or /rtrave/error"),
    _float("model/fade", 100.0, 0.0, 2000.0, "ms", "crossfade when another model is loaded"),
    _action("record/start", "s", "start a take; a tag of letters, digits, _ and -", optional=1),
    _action("record/stop", "", "end the take"),
    _action("record/mark", "s", "put a mark into the take", optional=1),
    _read("record/state", "isf", "", "recording (0 or 1), folder name, seconds"),
    _read("status", "iffi", "", "late blocks, load, latency in ms, uptime in s"),
    _read("meter", "ffff", "dB", "input peak, input rms, output peak, output rms"),
    _read("version", "s", "", "version of rtrave"),
    _action("hello", "ii", "ask for feedback for 10 s: reply port, mask (1 status, 2 meter)", optional=2),
    _action("bye", "", "end the feedback"),
    _action("ping", "", "answered by /rtrave/pong"),
    _action("sync", "i", "answered by /rtrave/synced once everything before it is done"),
    _action("doc", "s", "answered by /rtrave/doc: address, types, low, high, unit, description"),
    _reply("pong", "", "answer to /rtrave/ping"),
    _reply("synced", "i", "answer to /rtrave/sync"),
    _reply("done", "ss", "something that takes its time is done: address, what"),
    _reply("error", "ssis", "address, code, argument, text"),
)


def number(argument: object, index: int) -> float:
    """Read one argument as a finite number.

    Raises
    ------
    ControlError
        `bad-type` where it is no number, `not-finite` where it is NaN or infinite.
    """
    if isinstance(argument, str):
        plain = len(argument) <= 64 and argument.isascii() and "_" not in argument
        try:
            value = float(argument) if plain else None
        except ValueError:
            value = None
    else:
        value = float(argument) if isinstance(argument, (bool, int, float)) else None
    if value is None:
        raise ControlError("bad-type", f"argument {index} is {_shown(argument)}: expected a number", index)
    if not math.isfinite(value):
        raise ControlError("not-finite", f"argument {index} is {value}: expected a finite number", index)
    return value


def whole(argument: object, low: float, high: float, index: int) -> int:
    """Read one argument as a whole number in [low, high]; `bad-type` or `out-of-range` otherwise."""
    value = number(argument, index)
    if value != math.floor(value):
        raise ControlError("bad-type", f"argument {index} is {value:g}: expected a whole number", index)
    if not low <= value <= high:
        wanted = f"{low:g} to {high:g}"
        raise ControlError("out-of-range", f"argument {index} is {value:g}: expected {wanted}", index)
    return int(value)


def text(argument: object, index: int) -> str:
    """Read one argument as a string; `bad-type` otherwise."""
    if not isinstance(argument, str):
        raise ControlError("bad-type", f"argument {index} is {_shown(argument)}: expected a string", index)
    return argument


def tag(argument: object, index: int = 0) -> str:
    """Read one argument as a name that is safe in a file name: 1 to 64 letters, digits, `_` or `-`."""
    name = text(argument, index)
    if not (1 <= len(name) <= 64 and TAG_CHARACTERS.issuperset(name)):
        wanted = "1 to 64 letters, digits, _ or -"
        raise ControlError("bad-name", f"argument {index} is {_shown(name)}: expected {wanted}", index)
    return name


def control_value(parameter: Parameter, argument: object, index: int = 0, norm: bool = False) -> float:
    """Turn one argument into the value a control has in the vector.

    Parameters
    ----------
    parameter : Parameter
        A control of type "f", "i" or "s".
    argument : object
        int, float, bool or str; for a choice its word.
    index : int
        Position of the argument, for the error.
    norm : bool
        The number counts 0..1 over the soft range.

    Returns
    -------
    float
        In native units. A float is clipped at the hard limits only.

    Raises
    ------
    ControlError
        `bad-type`, `not-finite`, or `out-of-range` for an unknown word or an integer beyond its range.
    """
    if parameter.type == "f":
        value = number(argument, index)
        if norm:
            value = parameter.low + value * (parameter.high - parameter.low)
        return min(max(value, parameter.hard_low), parameter.hard_high)
    if parameter.type == "i":
        return float(whole(argument, parameter.hard_low, parameter.hard_high, index))
    word = text(argument, index)
    if word not in parameter.choices:
        raise ControlError(
            "out-of-range", f"argument {index} is {_shown(word)}: expected " + " or ".join(parameter.choices), index
        )
    return float(parameter.choices.index(word))


def fires(arguments: Sequence[object]) -> bool:
    """Tell whether a trigger fires: on no argument or a number that is not 0 (buttons send 1, then 0)."""
    if len(arguments) > 1:
        raise ControlError("bad-count", f"{len(arguments)} arguments came: expected none or one", 1)
    return not arguments or number(arguments[0], 0) != 0.0


def action_arguments(parameter: Parameter, arguments: Sequence[object]) -> tuple[Value, ...] | None:
    """Check the arguments of an action.

    An action whose string may be left out takes a number in its place as a button: fire, or nothing on 0.

    Returns
    -------
    tuple or None
        The arguments in the types of the table, as many as came; None where a button was released.
    """
    if not parameter.type:
        return () if fires(arguments) else None
    most, least = len(parameter.type), len(parameter.type) - parameter.optional
    if not least <= len(arguments) <= most:
        wanted = f"{most}" if least == most else f"{least} to {most}"
        count = len(arguments)
        raise ControlError("bad-count", f"{count} arguments came: expected {wanted}", min(count, most))
    if least == 0 and arguments and parameter.type[0] == "s" and not isinstance(arguments[0], str):
        return () if fires(arguments) else None
    read: dict[str, Callable[[object, int], Value]] = {
        "i": lambda a, k: whole(a, -(2**31), 2**31 - 1, k),
        "f": number,
        "s": text,
    }
    return tuple(read[parameter.type[k]](argument, k) for k, argument in enumerate(arguments))


def _shown(argument: object) -> str:
    """Show what came in an error text, in one short line."""
    if isinstance(argument, (str, bytes)):
        return repr(argument[:40]) + ("..." if len(argument) > 40 else "")
    return "nil" if argument is None else type(argument).__name__
