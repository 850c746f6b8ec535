"""What every address tells at this moment: controls, macros, and values that the program reads out. One thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from rtrave.control.namespace import Controls
from rtrave.control.parameter import TABLE, Value
from rtrave.control.vector import concrete
from rtrave.errors import ControlError

Reader = Callable[[], tuple[Value, ...]]
T = TypeVar("T")

CHANGING = ("status", "meter", "latent", "z", "record")  # read-only values that move by themselves


class Values:
    """Reads values by address.

    Parameters
    ----------
    controls : Controls
    readers : mapping
        As `OscServer`.

    Attributes
    ----------
    state : tuple of str
        The addresses that make up the whole state: controls and macros, and read-only values that stand still.

    Raises
    ------
    ValueError
        For a reader that the table does not have.
    """

    def __init__(self, controls: Controls, readers: Mapping[str, Reader]) -> None:
        self._controls = controls
        self._rows = check_known(readers, "read")
        self._read: dict[str, tuple[Value, ...]] = {}
        self.adopt_controls()

    def adopt_controls(self) -> None:
        """The controls are another model's from here on."""
        controls = self._controls
        self._read.clear()
        self._readers: dict[str, tuple[str, int]] = {}  # concrete address: row of the table, which of its values
        for parameter in TABLE:
            if parameter.address in self._rows:
                for n, address in enumerate(concrete(parameter, controls.layout.dims)):
                    self._readers[address] = parameter.address, n if "<n>" in parameter.address else -1
        moving = tuple(f"/rtrave/{name}" for name in CHANGING)
        self.state: tuple[str, ...] = (
            *(a for a, p in controls.parameters.items() if p.kind in ("control", "macro") and p.type),
            *(a for a in self._readers if not a.startswith(moving)),
        )

    def readable(self, address: str) -> bool:
        """Tell whether an address has a value that can be asked for here."""
        return address in self._readers or self._controls.has_value(address)

    def is_read(self, address: str) -> bool:
        """Tell whether it is a value of the program, not a control."""
        return address in self._readers

    def begin_round(self) -> None:
        """Read the program's values anew from here on; in between each is read once."""
        self._read.clear()

    def get(self, address: str) -> tuple[str, tuple[Value, ...]]:
        """OSC types and values of an address; ControlError `denied` where it has none."""
        found = self._readers.get(address)
        if found is None:
            if not self._controls.has_value(address):
                raise ControlError("denied", f"{address} is not available here")
            return self._controls.value_type(address), self._controls.get(address)
        row, n = found
        values = self._read.get(row)
        if values is None:
            values = self._read[row] = self._rows[row]()
        types = self._controls.parameters[address].type
        return types, values if n < 0 else values[n : n + 1]


def check_known(given: Mapping[str, T], kind: str) -> dict[str, T]:
    """A copy; ValueError where the table has no such row of this kind."""
    known = {p.address for p in TABLE if p.kind == kind}
    for address in given:
        if address not in known:
            raise ValueError(f"{address!r} is no {kind} of the control table")
    return dict(given)
