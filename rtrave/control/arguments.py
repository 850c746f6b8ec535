"""The meaning of a message's arguments: one set of rules for OSC messages, `--set` and presets.

Numbers are int, float, bool or a numeric string. Pure functions: any thread of any process may call them.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence

from rtrave.control.parameter import ROOT, Parameter, Value
from rtrave.errors import ControlError

TAG_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_-")
MAX_NAME = 64


def number(argument: object, index: int) -> float:
    """Return one argument as a finite number.

    Raises
    ------
    ControlError
        `bad-type` where it is not a number, `not-finite` where it is NaN or infinite.
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
        raise _bad("bad-type", index, "a number", _shown(argument))
    if not math.isfinite(value):
        raise _bad("not-finite", index, "a finite number", f"{value}")
    return value


def whole(argument: object, low: float, high: float, index: int) -> int:
    """Return one argument as an integer in [low, high]; ControlError `bad-type` or `out-of-range` otherwise."""
    value = number(argument, index)
    if value != math.floor(value):
        raise _bad("bad-type", index, "an integer", f"{value:g}")
    if not low <= value <= high:
        raise _bad("out-of-range", index, f"{low:g} to {high:g}", f"{value:g}")
    return int(value)


def text(argument: object, index: int) -> str:
    """Return one argument as a string; ControlError `bad-type` otherwise."""
    if not isinstance(argument, str):
        raise _bad("bad-type", index, "a string", _shown(argument))
    return argument


def tag(argument: object, index: int = 0) -> str:
    """Return one argument as a name that is safe in a file name: 1 to 64 letters, digits, `_` or `-`."""
    name = text(argument, index)
    if not (1 <= len(name) <= 64 and TAG_CHARACTERS.issuperset(name)):
        raise _bad("bad-name", index, "1 to 64 letters, digits, _ or -", _shown(name))
    return name


def name(argument: object, index: int = 0) -> str:
    """Return one argument as the name of a snapshot or a clip: 1 to 64 printable characters. It is never a path."""
    given = text(argument, index)
    if not (1 <= len(given) <= MAX_NAME and given.isprintable() and given.strip() == given):
        raise _bad("bad-name", index, "1 to 64 printable characters", _shown(given))
    return given


def control_value(parameter: Parameter, argument: object, index: int = 0) -> float:
    """Return one argument as the value of a control in the vector.

    Parameters
    ----------
    parameter : Parameter
        A control of type "f", "i" or "s".
    argument : object
        int, float, bool or str; for a choice its word.
    index : int
        Position of the argument, for the error.

    Returns
    -------
    float
        In native units. Only the hard limits clip a float.

    Raises
    ------
    ControlError
        `bad-type`, `not-finite`, or `out-of-range` for an unknown word or an integer beyond its range.
    """
    if parameter.type == "f":
        value = number(argument, index)
        return min(max(value, parameter.hard_low), parameter.hard_high)
    if parameter.type == "i":
        return float(whole(argument, parameter.hard_low, parameter.hard_high, index))
    word = text(argument, index)
    if word not in parameter.choices:
        raise _bad("out-of-range", index, " or ".join(parameter.choices), _shown(word))
    return float(parameter.choices.index(word))


def fires(arguments: Sequence[object]) -> bool:
    """Return whether a trigger fires: on no argument, on nil, or on a number that is not 0 (buttons send 1, then 0)."""
    if len(arguments) > 1:
        raise bad_count(len(arguments), "none or one", 1)
    return not arguments or arguments[0] is None or number(arguments[0], 0) != 0.0


def action_arguments(parameter: Parameter, arguments: Sequence[object]) -> tuple[Value, ...] | None:
    """Check the arguments of an action.

    An action with one optional string also takes a number in its place, as buttons send it: 0 does nothing, other
    numbers fire the action without its string.

    Returns
    -------
    tuple or None
        The arguments that were sent, in the types of the table; None where a button was released.
    """
    if not parameter.type:
        return () if fires(arguments) else None
    most, least = len(parameter.type), len(parameter.type) - parameter.optional
    if not least <= len(arguments) <= most:
        raise bad_count(len(arguments), f"{most}" if least == most else f"{least} to {most}", most)
    if least == 0 and arguments and parameter.type[0] == "s" and not isinstance(arguments[0], str):
        return () if number(arguments[0], 0) else None
    read: dict[str, Callable[[object, int], Value]] = {
        "i": lambda a, k: whole(a, -(2**31), 2**31 - 1, k),
        "f": number,
        "s": text,
    }
    return tuple(read[parameter.type[k]](argument, k) for k, argument in enumerate(arguments))


def bad_count(count: int, expected: str, most: int) -> ControlError:
    """Return the error for a message with `count` arguments; it names the first one missing or too many."""
    return ControlError("bad-count", f"arguments: expected {expected}, got {count}", min(count, most))


def _bad(code: str, index: int, expected: str, got: str) -> ControlError:
    return ControlError(code, f"argument {index}: expected {expected}, got {got}", index)


def _shown(argument: object) -> str:
    """Return an argument for an error text, in one short line."""
    if isinstance(argument, (str, bytes)):
        return repr(argument[:40]) + ("..." if len(argument) > 40 else "")
    return "nil" if argument is None else type(argument).__name__


def empty_macro(parameter: Parameter) -> Value:
    """Return what each value of a macro is before it is set."""
    empty: dict[str, Value] = {"s": "", "i": 0}
    return empty.get(parameter.type[0], parameter.default)


def macro_value(type: str, argument: object, index: int) -> Value:
    """Return one value of a macro: a string, a switch, or a number clipped to 0..1."""
    if type == "s":
        return text(argument, index)
    if type == "i":
        return whole(argument, 0, 1, index)
    return min(max(number(argument, index), 0.0), 1.0)


def parse_setting(setting: str) -> tuple[str, tuple[str, ...]]:
    """Split `ADDRESS=VALUE` of the command line into the arguments of `Controls.set`; commas separate several values.

    Raises
    ------
    ControlError
        `bad-type` where the `=`, the address or the value is missing.
    """
    address, equals, value = setting.partition("=")
    if not (equals and address.startswith("/") and value):
        raise ControlError("bad-type", f"expected ADDRESS=VALUE, such as {ROOT}mix=0.5, got {setting!r}")
    return address, tuple(part.strip() for part in value.split(","))
