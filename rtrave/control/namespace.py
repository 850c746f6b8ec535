"""The live values of all controls, and what a message may do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rtrave.control.arguments import control_value, empty_macro, fires, macro_value, number
from rtrave.control.parameter import NORM, PANIC, RESET, ROOT, TABLE, Parameter, Value, resolve
from rtrave.control.pattern import Tree, is_pattern, make_tree, match_tree
from rtrave.control.slots import Place, Written, make_places, make_twins
from rtrave.control.vector import Layout, Vector, carrier, concrete
from rtrave.errors import ControlError

ATTRIBUTES = ROOT + "attribute/"
# What panic puts back besides the latents
CALMED = (
    "freeze",
    "noise",
    "temperature",
    "dims",
    "z/mix",
    "source/mix",
    "trajectory/record",
    "trajectory/play",
    "trajectory/amount",
)

Values = tuple[Value, ...]
OnMacro = Callable[[Values], None]


class Controls:
    """The values of all controls of one model, by address.

    It belongs to one thread of the control process at a time: the one that sets `--set` and restores the last
    controls before the OSC server starts, then the server's thread.

    Parameters
    ----------
    layout : Layout
        Layout of the model's control vector.
    attributes : iterable of str
        Those of the model; the others of the table are not there.

    Attributes
    ----------
    values : float64 [layout.size]
        The control vector, changed in place.
    macros : dict
        Address of a macro to its values.
    on_macro : dict
        Address of a macro to what it does; called with the new values before they are kept, and may refuse them by a
        ControlError. A macro that is not in it is denied.
    shown : dict
        Address of a macro to what tells its value, where that is not what was last sent.
    low, high : float64 [2, layout.size]
        Range of each control in the compressed and in the full space, for `norm` twins and surfaces.
    twins : dict
        Address of a control or macro to the other addresses that show its value: `norm` and vector forms.
    parameters : dict
        Every concrete address that may be sent to the program, without `norm` twins, to its row of the table.
    """

    def __init__(self, layout: Layout, attributes: Iterable[str] = ()) -> None:
        self.on_macro: dict[str, OnMacro] = {}
        self.shown: dict[str, Callable[[], Values]] = {}
        self._lay_out(layout, attributes)

    def adopt(self, layout: Layout, attributes: Iterable[str] = ()) -> None:
        """Become the controls of another model: what has the same address keeps its value, all ranges are the table's.

        `values`, `parameters` and the other arrays and dicts are new ones from here on.
        """
        values, macros = carrier(self.layout, layout)(self.values), self.macros
        self._lay_out(layout, attributes)
        self.values[...] = values
        self.macros |= {address: told for address, told in macros.items() if address in self.macros}

    def _lay_out(self, layout: Layout, attributes: Iterable[str]) -> None:
        self.layout = layout
        self.values: Vector = layout.defaults()
        there = {ATTRIBUTES + name for name in attributes}
        self.parameters: dict[str, Parameter] = {
            address: resolve(p, layout.dims)
            for p in TABLE
            if p.kind not in ("reply", "hidden") and (not p.address.startswith(ATTRIBUTES) or p.address in there)
            for address in concrete(p, layout.dims)
        }
        self.low, self.high = (
            np.array([[getattr(p, end) for p in layout.parameters]] * 2, np.float64) for end in ("low", "high")
        )
        self.macros: dict[str, Values] = {
            address: (empty_macro(p),) * len(p.type) for address, p in self.parameters.items() if p.kind == "macro"
        }
        self._places = make_places(self.parameters, layout)
        self.twins = make_twins(self._places, layout)
        self._tree: Tree = make_tree([*self.parameters, *(a for a in self._places if a.startswith(NORM))])

    def has_value(self, address: str) -> bool:
        """Tell whether `set` and `get` take a concrete address: a control with a value or its norm twin."""
        return address in self._places

    def is_trigger(self, address: str) -> bool:
        """Tell whether an address fires something that `set` does: panic, reset, and those of the model."""
        parameter = self.parameters.get(address)
        return address == RESET or (parameter is not None and parameter.kind == "control" and not parameter.type)

    def value_type(self, address: str) -> str:
        """Tell the OSC type letters of what `get` gives; a single letter stands for all of them."""
        return self._places[address].parameter.type

    def place(self, address: str) -> Place | None:
        """Where a concrete address writes, None where it is no control with a value."""
        return self._places.get(address)

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

    def set(self, address: str, arguments: Sequence[object]) -> Written:
        """Set one control, all dimensions of one, or all that a pattern matches; fire panic or reset.

        A pattern addresses controls only, never triggers or macros: those are sent by their own name.

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
        if place is not None and place.where is None:
            self._set_macro(address, place, arguments)
            return Written((), self._as_sent(address, arguments))
        if place is not None and place.where is not None:
            value = self._read(place, arguments)
            self.values[place.where] = value
            if place.parameter.address == ROOT + "z/in":
                self.values[self.layout.slots["z/count"]] += 1.0
            return Written((place.where,), self._as_sent(address, arguments))
        if self.is_trigger(address):
            self._fire(address, arguments)
        elif address in self.parameters:
            raise ControlError("denied", f"{address} cannot be set")
        elif is_pattern(address):
            return self._set_matching(address, arguments)
        else:
            raise ControlError("unknown-address", f"no address {address[:60]!r}")
        return Written()

    def get(self, address: str) -> Values:
        """Read a control by its concrete address, in the types of the table; `norm` twins give 0..1.

        Raises
        ------
        ControlError
            `unknown-address` where it is no control with a value.
        """
        place = self._places.get(address)
        if place is None:
            raise ControlError("unknown-address", f"no control {address[:60]!r}")
        parameter, where = place.parameter, place.where
        if where is None:
            tell = self.shown.get(parameter.address)
            values = tell() if tell else self.macros[parameter.address]
            return values
        if place.norm:
            low, high = self._range(where)
            return tuple(((self.values[where] - low) / (high - low)).tolist())
        stored = self.values[where].tolist()
        if parameter.choices:
            return tuple(parameter.choices[int(v)] for v in stored)
        return tuple(int(v) for v in stored) if parameter.type == "i" else tuple(stored)

    def reset_latents(self) -> None:
        """Put all per-dimension edits back to identity."""
        self._to_default(key for key in self.layout.slots if key.startswith("latent/"))

    def panic(self) -> None:
        """Modulation off, all latent edits to identity, freeze off, and the panic counter up by one."""
        self.reset_latents()
        self._to_default(CALMED)
        self.values[self.layout.slots["panic"]] += 1.0

    def _fire(self, address: str, arguments: Sequence[object]) -> None:
        if not fires(arguments):
            return
        if address == PANIC:
            self.panic()
        elif address == RESET:
            self.reset_latents()
        else:
            self.values[self.layout.index[address]] += 1.0

    def _to_default(self, keys: Iterable[str]) -> None:
        for key in keys:
            where = self.layout.slots[key]
            self.values[where] = [p.default for p in self.layout.parameters[where]]

    def _set_macro(self, address: str, place: Place, arguments: Sequence[object]) -> None:
        parameter = place.parameter
        wanted = len(parameter.type)
        if len(arguments) != wanted:
            both = f"{len(arguments)} arguments came: expected {wanted}"
            raise ControlError("bad-count", both, min(len(arguments), wanted))
        taken: Values = tuple(macro_value(parameter.type[k], argument, k) for k, argument in enumerate(arguments))
        act = self.on_macro.get(parameter.address)
        if act is None:
            raise ControlError("denied", f"{address} is not available here")
        act(taken)
        self.macros[parameter.address] = taken

    def _set_matching(self, pattern: str, arguments: Sequence[object]) -> Written:
        matched = [(a, self._places[a]) for a in self.match(pattern) if a in self._places]
        plan = [(a, p.where, self._read(p, arguments)) for a, p in matched if p.where is not None]
        if not plan:
            raise ControlError("denied", f"nothing that {pattern[:60]!r} matches can be set by a pattern")
        for address, where, value in plan:
            self.values[where] = value
            if address.endswith("/z/in"):
                self.values[self.layout.slots["z/count"]] += 1.0
        return Written([where for _, where, _ in plan], all(self._as_sent(a, arguments) for a, _, _ in plan))

    def _read(self, place: Place, arguments: Sequence[object]) -> float | list[float]:
        parameter, count = place.parameter, len(arguments)
        wanted = self.layout.dims if parameter.per_latent else 1
        one_for_all = count == 1 and parameter.address != ROOT + "z/in"
        if count != wanted and not one_for_all:
            both = f"1 or {wanted}" if wanted > 1 and parameter.address != ROOT + "z/in" else f"{wanted}"
            raise ControlError("bad-count", f"{count} arguments came: expected {both}", min(count, wanted))
        if not place.norm:
            stored = [control_value(parameter, a, k) for k, a in enumerate(arguments)]
            return stored[0] if one_for_all else stored
        assert place.where is not None
        low, high = self._range(place.where)
        given = np.array([number(argument, k) for k, argument in enumerate(arguments)])
        counted = np.clip(low + np.clip(given, -1e6, 1e6) * (high - low), parameter.hard_low, parameter.hard_high)
        return [float(value) for value in counted]

    def _range(self, where: slice) -> tuple[Vector, Vector]:
        space = int(self.values[self.layout.slots["space"]][0])
        return self.low[space, where], self.high[space, where]

    def _as_sent(self, address: str, arguments: Sequence[object]) -> bool:
        stored = self.get(address)
        sent = arguments if len(arguments) == len(stored) else [arguments[0]] * len(stored)
        return all(
            s == a or (isinstance(s, float) and isinstance(a, (int, float)) and abs(s - a) <= 1e-6 * max(1.0, abs(s)))
            for s, a in zip(stored, sent, strict=True)
        )
