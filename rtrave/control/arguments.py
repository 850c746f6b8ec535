"""What the arguments of a message mean: one set of rules for OSC messages, `--set` and presets.

Numbers arrive as Python int, float, bool or a numeric string. Pure functions: any thread of any process may call them.
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


def name(argument: object, index: int = 0) -> str:
    """Read one argument as the name of a snapshot or a clip: 1 to 64 printable characters. It is never a path."""
    given = text(argument, index)
    if not (1 <= len(given) <= MAX_NAME and given.isprintable() and given.strip() == given):
        raise ControlError(
            "bad-name", f"argument {index} is {_shown(given)}: expected 1 to 64 printable characters", index
        )
    return given


def control_value(parameter: Parameter, argument: object, index: int = 0) -> float:
    """Turn one argument into the value a control has in the vector.

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
        In native units. A float is clipped at the hard limits only.

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
        raise ControlError(
            "out-of-range", f"argument {index} is {_shown(word)}: expected " + " or ".join(parameter.choices), index
        )
    return float(parameter.choices.index(word))


def fires(arguments: Sequence[object]) -> bool:
    """Tell whether a trigger fires: on no argument, on nil, or on a number that is not 0 (buttons send 1, then 0)."""
    if len(arguments) > 1:
        raise ControlError("bad-count", f"{len(arguments)} arguments came: expected none or one", 1)
    return not arguments or arguments[0] is None or number(arguments[0], 0) != 0.0


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
        return () if number(arguments[0], 0) else None
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


def empty_macro(parameter: Parameter) -> Value:
    """What a macro has for each of its values before it was set."""
    empty: dict[str, Value] = {"s": "", "i": 0}
    return empty.get(parameter.type[0], parameter.default)


def macro_value(type: str, argument: object, index: int) -> Value:
    """One value of a macro: a string, a switch, or a number clipped to 0..1."""
    if type == "s":
        return text(argument, index)
    if type == "i":
        return whole(argument, 0, 1, index)
    return min(max(number(argument, index), 0.0), 1.0)


def parse_setting(setting: str) -> tuple[str, tuple[str, ...]]:
    """Split `ADDRESS=VALUE` of the command line into what `Controls.set` takes; commas part several values.

    Raises
    ------
    ControlError
        `bad-type` where there is no `=`, no address or no value.
    """
    address, equals, value = setting.partition("=")
    if not (equals and address.startswith("/") and value):
        raise ControlError("bad-type", f"setting {setting!r}: expected ADDRESS=VALUE, such as {ROOT}mix=0.5")
    return address, tuple(part.strip() for part in value.split(","))
