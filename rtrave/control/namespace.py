"""The values of all controls by address, and the effect of a message on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rtrave.control.arguments import bad_count, control_value, empty_macro, fires, macro_value, number
from rtrave.control.parameter import NORM, PANIC, RESET, ROOT, Parameter, ParameterKind, Value, resolve
from rtrave.control.pattern import Tree, is_pattern, make_tree, match_tree
from rtrave.control.slots import Slot, Written, make_aliases, make_slots
from rtrave.control.table import TABLE
from rtrave.control.vector import Layout, Vector, carrier, concrete
from rtrave.errors import ControlError

ATTRIBUTES = ROOT + "attribute/"
Z_IN = ROOT + "z/in"
NOT_SENT_TO_US = (ParameterKind.REPLY, ParameterKind.HIDDEN)
# Controls that panic sets to their defaults, besides the latents
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

    One thread of the control process at a time: first the one that applies `--set` and restores the last controls, then
    the thread of the OSC server.

    Parameters
    ----------
    layout : Layout
        Layout of the model's control vector.
    attributes : iterable of str
        Attributes of the model; the table's other attributes do not exist here.

    Attributes
    ----------
    values : float64 [layout.size]
        The control vector, changed in place.
    macros : dict
        Address of a macro to its values.
    on_macro : dict
        Address of a macro to its effect: called with the new values before they are stored. It may refuse them by a
        ControlError. A macro without an entry is denied.
    shown : dict
        Address of a macro to a function that returns its value, where that is not the last one sent.
    low, high : float64 [2, layout.size]
        Range of each control in the compressed and in the full space, for `norm` aliases and surfaces.
    aliases : dict
        Address of a control or macro to the other addresses that show its value: `norm` and vector forms.
    parameters : dict
        Every concrete address that clients may send, without `norm` aliases, to its row of the table.
    """

    def __init__(self, layout: Layout, attributes: Iterable[str] = ()) -> None:
        self.on_macro: dict[str, OnMacro] = {}
        self.shown: dict[str, Callable[[], Values]] = {}
        self._lay_out(layout, attributes)

    def adopt(self, layout: Layout, attributes: Iterable[str] = ()) -> None:
        """Become the controls of another model: equal addresses keep their values, all ranges are those of the table.

        This replaces `values`, `parameters` and the other arrays and dicts by new ones.
        """
        values, macros = carrier(self.layout, layout)(self.values), self.macros
        self._lay_out(layout, attributes)
        self.values[...] = values
        self.macros |= {address: stored for address, stored in macros.items() if address in self.macros}

    def _lay_out(self, layout: Layout, attributes: Iterable[str]) -> None:
        self.layout = layout
        self.values: Vector = layout.defaults()
        there = {ATTRIBUTES + name for name in attributes}
        self.parameters: dict[str, Parameter] = {
            address: resolve(p, layout.dims)
            for p in TABLE
            if p.kind not in NOT_SENT_TO_US and (not p.address.startswith(ATTRIBUTES) or p.address in there)
            for address in concrete(p, layout.dims)
        }
        self.low, self.high = (
            np.array([[getattr(p, end) for p in layout.parameters]] * 2, np.float64) for end in ("low", "high")
        )
        self.macros: dict[str, Values] = {
            address: (empty_macro(p),) * len(p.type)
            for address, p in self.parameters.items()
            if p.kind is ParameterKind.MACRO
        }
        self._slots = make_slots(self.parameters, layout)
        self.aliases = make_aliases(self._slots, layout)
        self._tree: Tree = make_tree([*self.parameters, *(a for a in self._slots if a.startswith(NORM))])

    def has_value(self, address: str) -> bool:
        """Return whether `set` and `get` take a concrete address: a control with a value, a macro or an alias."""
        return address in self._slots

    def is_trigger(self, address: str) -> bool:
        """Return whether `set` fires an address: panic, reset, and the triggers of the model."""
        parameter = self.parameters.get(address)
        return address == RESET or (
            parameter is not None and parameter.kind is ParameterKind.CONTROL and not parameter.type
        )

    def value_type(self, address: str) -> str:
        """Return the OSC type letters of the values of `get`; a single letter stands for all of them."""
        return self._slots[address].parameter.type

    def slot(self, address: str) -> Slot | None:
        """Return the slot of a concrete address, None where it has no value."""
        return self._slots.get(address)

    def match(self, pattern: str) -> list[str]:
        """Return the concrete addresses that a pattern matches, `norm` aliases included.

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

        A pattern sets controls only. Triggers and macros need their own address.

        Parameters
        ----------
        address : str
            Concrete address or pattern.
        arguments : sequence
            Numbers as int, float, bool or numeric string; words for choices. One argument, or for a vector form one for
            all dimensions or one for each.

        Raises
        ------
        ControlError
            unknown-address, denied, bad-type, bad-count, not-finite, out-of-range or bad-name; nothing was
            changed.
        """
        slot = self._slots.get(address)
        if slot is not None and slot.indices is None:
            self._set_macro(address, slot, arguments)
            return Written((), self._as_sent(address, arguments))
        if slot is not None and slot.indices is not None:
            self.values[slot.indices] = self._read(slot, arguments)
            if slot.parameter.address == Z_IN:
                self.values[self.layout.slots["z/count"]] += 1.0
            return Written((slot.indices,), self._as_sent(address, arguments))
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
        """Return the values of a concrete address, in the types of the table; `norm` aliases give 0 to 1.

        Raises
        ------
        ControlError
            `unknown-address` where it is not a control with a value.
        """
        slot = self._slots.get(address)
        if slot is None:
            raise ControlError("unknown-address", f"no control {address[:60]!r}")
        parameter, indices = slot.parameter, slot.indices
        if indices is None:
            shown = self.shown.get(parameter.address)
            return shown() if shown else self.macros[parameter.address]
        if slot.norm:
            low, high = self._range(indices)
            return tuple(((self.values[indices] - low) / (high - low)).tolist())
        stored = self.values[indices].tolist()
        if parameter.choices:
            return tuple(parameter.choices[int(v)] for v in stored)
        return tuple(int(v) for v in stored) if parameter.type == "i" else tuple(stored)

    def reset_latents(self) -> None:
        """Reset all per-dimension edits to identity."""
        self._to_default(key for key in self.layout.slots if key.startswith("latent/"))

    def panic(self) -> None:
        """End modulation and freeze, reset all latent edits, and raise the panic counter by one."""
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
            indices = self.layout.slots[key]
            self.values[indices] = [p.default for p in self.layout.parameters[indices]]

    def _set_macro(self, address: str, slot: Slot, arguments: Sequence[object]) -> None:
        parameter = slot.parameter
        expected = len(parameter.type)
        if len(arguments) != expected:
            raise bad_count(len(arguments), f"{expected}", expected)
        taken: Values = tuple(macro_value(parameter.type[k], argument, k) for k, argument in enumerate(arguments))
        act = self.on_macro.get(parameter.address)
        if act is None:
            raise ControlError("denied", f"{address} is not available here")
        act(taken)
        self.macros[parameter.address] = taken

    def _set_matching(self, pattern: str, arguments: Sequence[object]) -> Written:
        matched = [(a, self._slots[a]) for a in self.match(pattern) if a in self._slots]
        plan = [(a, s.indices, self._read(s, arguments)) for a, s in matched if s.indices is not None]
        if not plan:
            raise ControlError("denied", f"nothing that {pattern[:60]!r} matches can be set by a pattern")
        for address, indices, value in plan:
            self.values[indices] = value
            if address.endswith("/z/in"):
                self.values[self.layout.slots["z/count"]] += 1.0
        return Written([indices for _, indices, _ in plan], all(self._as_sent(a, arguments) for a, _, _ in plan))

    def _read(self, slot: Slot, arguments: Sequence[object]) -> float | list[float]:
        """Return the numbers for the vector: one for all indices of the slot, or one for each."""
        parameter, count = slot.parameter, len(arguments)
        expected = self.layout.dims if parameter.per_latent else 1
        one_for_all = count == 1 and parameter.address != Z_IN
        if count != expected and not one_for_all:
            both = f"1 or {expected}" if expected > 1 and parameter.address != Z_IN else f"{expected}"
            raise bad_count(count, both, expected)
        if not slot.norm:
            stored = [control_value(parameter, a, k) for k, a in enumerate(arguments)]
            return stored[0] if one_for_all else stored
        assert slot.indices is not None
        low, high = self._range(slot.indices)
        given = np.array([number(argument, k) for k, argument in enumerate(arguments)])
        scaled = np.clip(low + np.clip(given, -1e6, 1e6) * (high - low), parameter.hard_low, parameter.hard_high)
        return [float(value) for value in scaled]

    def _range(self, indices: slice) -> tuple[Vector, Vector]:
        space = int(self.values[self.layout.slots["space"]][0])
        return self.low[space, indices], self.high[space, indices]

    def _as_sent(self, address: str, arguments: Sequence[object]) -> bool:
        """Return whether an address now has exactly the values of the arguments, but for rounding to float32."""
        stored = self.get(address)
        sent = arguments if len(arguments) == len(stored) else [arguments[0]] * len(stored)
        return all(
            s == a or (isinstance(s, float) and isinstance(a, (int, float)) and abs(s - a) <= 1e-6 * max(1.0, abs(s)))
            for s, a in zip(stored, sent, strict=True)
        )
