"""The book of one burst: which controls its messages set, and who set them. The OSC server's thread only.

A burst is every packet that the server handles before it publishes the control vector once.
"""

from __future__ import annotations

from typing import NamedTuple

from rtrave.control.namespace import Controls
from rtrave.control.slots import Written
from rtrave.osc.counts import Counts
from rtrave.osc.transport import Peer


class Touch(NamedTuple):
    """The last setting of one control: the peer that set it, and whether the control has exactly the value sent."""

    source: Peer
    exact: bool


class Burst:
    """Record of the current burst: counts each message as accepted, or as coalesced where it overwrites an earlier one.

    It keeps who last set each control. The object serves all bursts, one after the other.

    Parameters
    ----------
    controls : Controls
    counts : Counts
    """

    def __init__(self, controls: Controls, counts: Counts) -> None:
        self._controls, self._counts = controls, counts
        self._set: set[str] = set()
        self._touched: dict[str, Touch] = {}
        self._called = False

    @property
    def changed(self) -> bool:
        """True if a control may have changed since the last publication."""
        return self._called or bool(self._set)

    def note_float(self, address: str, source: Peer) -> None:
        """Account for one float that one control took exactly."""
        if address in self._set:
            self._counts.coalesced += 1
        else:
            self._counts.accepted += 1
            self._set.add(address)
        self._touched[address] = Touch(source, True)

    def note(self, address: str, written: Written | None, source: Peer) -> None:
        """Account for a message that was done; None where it cannot have changed a control."""
        # A trigger or an action does its work each time: only values overwrite each other.
        if written is not None and address in self._set and self._overwrites(address):
            self._counts.coalesced += 1
        else:
            self._counts.accepted += 1
        if written is not None:
            self._set.add(address)
            self._touch(address, written, source)

    def note_call(self) -> None:
        """Account for a call from another thread, which may have changed any control."""
        self._called = True

    def end(self) -> dict[str, Touch]:
        """Start the next burst after a publication; return who set which address."""
        self._counts.published += 1
        self._set.clear()
        self._called = False
        touched, self._touched = self._touched, {}
        return touched

    def adopt_controls(self) -> None:
        """Discard who set what: the controls are another model's from here on."""
        self._touched.clear()

    def _overwrites(self, address: str) -> bool:
        controls = self._controls
        return not controls.is_trigger(address) and (controls.has_value(address) or address not in controls.parameters)

    def _touch(self, address: str, written: Written, source: Peer) -> None:
        addresses = self._controls.layout.addresses
        for part in written.parts:
            for index in range(part.start, part.stop):
                self._touched[addresses[index]] = Touch(source, written.exact)
        slot = self._controls.slot(address)
        if slot is not None and slot.indices is None:
            self._touched[slot.parameter.address] = Touch(source, written.exact)
