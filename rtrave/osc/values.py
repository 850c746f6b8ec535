"""The current value of every address: controls, macros, and values that the program reports. One thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ParameterKind, Value
from rtrave.control.table import TABLE
from rtrave.control.vector import concrete
from rtrave.errors import ControlError

Reader = Callable[[], tuple[Value, ...]]
T = TypeVar("T")

CHANGING = ("status", "meter", "latent", "z", "record")  # read-only values that change without a message
STORED = (ParameterKind.CONTROL, ParameterKind.MACRO)


class Values:
    """The readable values, by address.

    Parameters
    ----------
    controls : Controls
    readers : mapping
        As in `OscServer`.

    Attributes
    ----------
    state : tuple of str
        The addresses of the whole state: controls, macros, and the read-only values that seldom change.

    Raises
    ------
    ValueError
        For a reader that the table does not have.
    """

    def __init__(self, controls: Controls, readers: Mapping[str, Reader]) -> None:
        self._controls = controls
        self._rows = check_known(readers, ParameterKind.READ)
        self._read: dict[str, tuple[Value, ...]] = {}
        self.adopt_controls()

    def adopt_controls(self) -> None:
        """Read the addresses that the controls have from here on."""
        controls = self._controls
        self._read.clear()
        self._readers: dict[str, tuple[str, int]] = {}  # concrete address: row of the table, which of its values
        for parameter in TABLE:
            if parameter.address in self._rows:
                for n, address in enumerate(concrete(parameter, controls.layout.dims)):
                    self._readers[address] = parameter.address, n if "<n>" in parameter.address else -1
        changing = tuple(f"/rtrave/{name}" for name in CHANGING)
        self.state: tuple[str, ...] = (
            *(a for a, p in controls.parameters.items() if p.kind in STORED and p.type),
            *(a for a in self._readers if not a.startswith(changing)),
        )

    def readable(self, address: str) -> bool:
        """Return whether an address has a value here."""
        return address in self._readers or self._controls.has_value(address)

    def is_read(self, address: str) -> bool:
        """Return whether an address is a value that the program reports, not a control."""
        return address in self._readers

    def begin_round(self) -> None:
        """Call the readers again from here on. Until then each is called once."""
        self._read.clear()

    def get(self, address: str) -> tuple[str, tuple[Value, ...]]:
        """Return the OSC types and the values of an address; ControlError `denied` where it has none."""
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


def check_known(given: Mapping[str, T], kind: ParameterKind) -> dict[str, T]:
    """Return a copy; ValueError for an address that the table does not have with this kind."""
    known = {p.address for p in TABLE if p.kind is kind}
    for address in given:
        if address not in known:
            raise ValueError(f"{address!r}: expected an address of kind {kind} in the control table")
    return dict(given)
