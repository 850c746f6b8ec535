"""The live values of all controls, and what a message may do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtrave.control.parameter import (
    NORM,
    PANIC,
    RESET,
    ROOT,
    TABLE,
    Parameter,
    Value,
    control_value,
    fires,
)
from rtrave.control.pattern import Tree, is_pattern, make_tree, match_tree
from rtrave.control.vector import Layout, Vector, concrete
from rtrave.errors import ControlError


@dataclass(frozen=True)
class Place:
    """Where an address writes: its row of the table, its part of the vector, and whether it counts 0..1."""

    parameter: Parameter
    where: slice
    norm: bool = False


class Controls:
    """The values of all controls of one model, by address.

    It belongs to one thread of the control process at a time: the one that sets `--set` and restores the last
    controls before the OSC server starts, then the server's thread.

    Parameters
    ----------
    layout : Layout
        Layout of the model's control vector.

    Attributes
    ----------
    values : float64 [layout.size]
        The control vector, changed in place.
    parameters : dict
        Every concrete address that may be sent to the program, without `norm` twins, to its row of the table.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.values: Vector = layout.defaults()
        self.parameters: dict[str, Parameter] = {
            address: p for p in TABLE if p.kind != "reply" for address in concrete(p, layout.dims)
        }
        self._places = _places(self.parameters, layout)
        self._tree: Tree = make_tree([*self.parameters, *(a for a in self._places if a.startswith(NORM))])

    def has_value(self, address: str) -> bool:
        """Tell whether `set` and `get` take a concrete address: a control with a value or its norm twin."""
        return address in self._places

    def value_type(self, address: str) -> str:
        """Tell the OSC type letter, "f", "i" or "s", of each number that `get` gives for a control."""
        return self._places[address].parameter.type

    def match(self, pattern: str) -> list[str]:
        """List the concrete addresses that a pattern matches, `norm` twins too.

        Raises
        ------
        ControlError
            `bad-name` for a malformed pattern, `unknown-address` where nothing matches.
        """
        found = match_tree(pattern, self._tree)
        if not found:
            raise ControlError("unknown-address", f"no address matches {pattern[:60]!r}")
        return found

    def set(self, address: str, arguments: Sequence[object]) -> None:
        """Set one control, all dimensions of one, or all that a pattern matches; fire panic or reset.

        A pattern addresses controls only, never triggers: an action is fired by its own name.

        Parameters
        ----------
        address : str
            Concrete address or pattern.
        arguments : sequence
            Numbers as int, float, bool or numeric string; words for choices. One of them, or for a vector
            form one for all dimensions or one for each.

        Raises
        ------
        ControlError
            unknown-address, denied, bad-type, bad-count, not-finite, out-of-range or bad-name; nothing was
            changed.
        """
        place = self._places.get(address)
        if place is not None:
            self.values[place.where] = self._read(place, arguments)
        elif address == PANIC:
            self.panic(arguments)
        elif address == RESET:
            self.reset_latents(arguments)
        elif address in self.parameters:
            raise ControlError("denied", f"{address} cannot be set")
        elif is_pattern(address):
            self._set_matching(address, arguments)
        else:
            raise ControlError("unknown-address", f"no address {address[:60]!r}")

    def get(self, address: str) -> tuple[Value, ...]:
        """Read a control by its concrete address, in the types of the table; `norm` twins give 0..1.

        Raises
        ------
        ControlError
            `unknown-address` where it is no control with a value.
        """
        place = self._places.get(address)
        if place is None:
            raise ControlError("unknown-address", f"no control {address[:60]!r}")
        parameter = place.parameter
        stored = self.values[place.where].tolist()
        if place.norm:
            return tuple((v - parameter.low) / (parameter.high - parameter.low) for v in stored)
        if parameter.choices:
            return tuple(parameter.choices[int(v)] for v in stored)
        return tuple(int(v) for v in stored) if parameter.type == "i" else tuple(stored)

    def reset_latents(self, arguments: Sequence[object] = ()) -> None:
        """Put all per-dimension edits back to identity; a 0 does nothing."""
        if fires(arguments):
            for key, where in self.layout.slots.items():
                if key.startswith("latent/"):
                    self.values[where] = [p.default for p in self.layout.parameters[where]]

    def panic(self, arguments: Sequence[object] = ()) -> None:
        """Latent edits to identity, freeze off, and the panic counter up by one; a 0 does nothing."""
        if fires(arguments):
            self.reset_latents()
            self.values[self.layout.slots["freeze"]] = 0.0
            self.values[self.layout.slots["panic"]] += 1.0

    def _set_matching(self, pattern: str, arguments: Sequence[object]) -> None:
        places = [self._places[a] for a in self.match(pattern) if a in self._places]
        if not places:
            raise ControlError("denied", f"nothing that {pattern[:60]!r} matches can be set by a pattern")
        plan = [(place.where, self._read(place, arguments)) for place in places]
        for where, value in plan:
            self.values[where] = value

    def _read(self, place: Place, arguments: Sequence[object]) -> float | list[float]:
        count = len(arguments)
        if count == 1:
            return control_value(place.parameter, arguments[0], 0, place.norm)
        wanted = self.layout.dims if place.parameter.per_latent else 1
        if count != wanted:
            both = f"1 or {wanted}" if wanted > 1 else "1"
            raise ControlError("bad-count", f"{count} arguments came: expected {both}", min(count, wanted))
        return [control_value(place.parameter, a, k, place.norm) for k, a in enumerate(arguments)]


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


def _places(parameters: dict[str, Parameter], layout: Layout) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for address, parameter in parameters.items():
        if parameter.kind == "control" and parameter.type:
            slot = layout.index[address]
            where = slice(slot, slot + 1)
        elif parameter.kind == "vector":
            where = layout.slots[address.removeprefix(ROOT).replace("latents/", "latent/")]
        else:
            continue
        places[address] = Place(parameter, where)
        if parameter.type == "f":
            places[NORM + address.removeprefix(ROOT)] = Place(parameter, where, norm=True)
    return places
