"""Feedback: the messages that permanent targets and leases get without asking.

Status, levels and latents go out at a fixed rate. A control goes out when it changes, with its latest value only, to
everybody but the peer that set it; that peer gets it where the value was corrected. The whole state follows a hello, in
paced bundles. Subscriptions have rates of their own. Sending never waits: a transport drops what it cannot send.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ROOT, Value
from rtrave.errors import ControlError
from rtrave.osc.burst import Touch
from rtrave.osc.leases import Leases
from rtrave.osc.listeners import Listener, Subscription
from rtrave.osc.packets import encode_message, group, join
from rtrave.osc.transport import Peer
from rtrave.osc.values import Values

PERIOD_S = 0.1
STREAMS = {1: ROOT + "status", 2: ROOT + "meter", 8: ROOT + "z/out"}
CONTROLS = 4  # bit of the mask
DEFAULT_MASK = 7
ALL_STREAMS = 15
CHANGES_S = 1 / 60  # between two bundles of changes to one listener
PACE_S = 0.01  # between two rounds of a long queue
ROUND_BUNDLES = 4
MAX_RATE_HZ = 60.0
MAX_SUBSCRIPTIONS = 32
LISTEN = "LISTEN"  # stands for the pattern in the one subscription of a connected peer


class Feedback:
    """The feedback of all listeners. The OSC server's thread only, except `announce`.

    Parameters
    ----------
    targets : iterable of Peer
        Permanent targets. They receive everything.
    leases : Leases
    controls : Controls
    values : Values
    now_s : float
        Monotonic time of the start.
    """

    def __init__(
        self, targets: Iterable[Peer], leases: Leases, controls: Controls, values: Values, now_s: float
    ) -> None:
        self._targets = tuple(targets)
        self._leases, self._controls, self._values = leases, controls, values
        self._listeners: dict[Peer, Listener] = {}
        self._announced: deque[bytes] = deque()
        self._seen = controls.values.copy()
        self._macros = self._macro_values()
        self._steady = self._steady_values()
        self._next_stream_s = now_s
        for target in self._targets:
            self.welcome(target, ALL_STREAMS)

    def __len__(self) -> int:
        """Number of listeners."""
        return len(self._listeners)

    @property
    def next_s(self) -> float:
        """Monotonic time when `tick` has something to do next."""
        return min([self._next_stream_s, *(listener.due_s for listener in self._listeners.values())])

    def welcome(self, target: Peer, mask: int) -> None:
        """Start to send to a peer, with the whole state first."""
        listener = self._listeners.setdefault(target, Listener(mask))
        listener.mask = mask
        listener.pending = dict.fromkeys(self._values.state) if mask & CONTROLS else {}

    def subscribe(self, target: Peer, pattern: str, rate_hz: float, now_s: float) -> None:
        """Send a peer the values that a pattern matches, at a rate of `rate_hz` at most; at once where it is infinite.

        Raises
        ------
        ControlError
            `unknown-address` or `bad-name` for the pattern, `denied` where it matches no readable value, `busy` beyond
            32 subscriptions.
        """
        found = [a for a in self._controls.match(pattern) if self._values.readable(a)]
        if not found:
            raise ControlError("denied", f"nothing that {pattern[:60]!r} matches can be read", 0)
        listener = self._listeners.setdefault(target, Listener(0))
        if pattern not in listener.subscriptions and len(listener.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise ControlError("busy", f"there are {MAX_SUBSCRIPTIONS} subscriptions: end one first", 0)
        controls = frozenset(a for a in found if not self._values.is_read(a))
        reads = tuple(a for a in found if self._values.is_read(a))
        fresh = Subscription(controls, reads, 1 / rate_hz, now_s, dict.fromkeys(a for a in found if a in controls))
        listener.subscriptions[pattern] = fresh

    def listen(self, target: Peer, addresses: Iterable[str], listens: bool, now_s: float) -> None:
        """Send a connected peer the changes of addresses at once, but not their present values; or end that."""
        listener = self._listeners.setdefault(target, Listener(0))
        subscription = listener.subscriptions.get(LISTEN) or Subscription(frozenset(), (), 0.0, now_s)
        named = [a for a in addresses if self._values.readable(a)]
        reads = dict.fromkeys((*subscription.reads, *(a for a in named if self._values.is_read(a))))
        controls = subscription.controls | {a for a in named if not self._values.is_read(a)}
        if not listens:
            reads = dict.fromkeys(a for a in subscription.reads if a not in named)
            controls = subscription.controls - set(named)
        subscription.controls, subscription.reads = controls, tuple(reads)
        subscription.pending = {a: None for a in subscription.pending if a in controls}
        listener.subscriptions[LISTEN] = subscription

    def adopt_controls(self) -> None:
        """Send the whole state of another model's controls, and match each pattern again."""
        self._seen = self._controls.values.copy()
        self._macros, self._steady = self._macro_values(), self._steady_values()
        for listener in self._listeners.values():
            listener.pending = dict.fromkeys(self._values.state) if listener.mask & CONTROLS else {}
            for pattern, subscription in listener.subscriptions.items():
                if pattern == LISTEN:
                    subscription.controls = frozenset(a for a in subscription.controls if self._controls.has_value(a))
                    subscription.reads = tuple(a for a in subscription.reads if self._values.is_read(a))
                else:
                    subscription.controls, subscription.reads = self._matched(pattern)
                subscription.pending = dict.fromkeys(a for a in self._values.state if a in subscription.controls)
                subscription.last.clear()

    def _matched(self, pattern: str) -> tuple[frozenset[str], tuple[str, ...]]:
        """Return the controls and the program's values that a pattern matches now; none is not an error."""
        try:
            found = [a for a in self._controls.match(pattern) if self._values.readable(a)]
        except ControlError:
            found = []
        reads = tuple(a for a in found if self._values.is_read(a))
        return frozenset(found).difference(reads), reads

    def discard(self, target: Peer) -> None:
        """Stop sending to a peer."""
        self._listeners.pop(target, None)

    def unsubscribe(self, target: Peer, pattern: str) -> None:
        """End a subscription; do nothing without one."""
        listener = self._listeners.get(target)
        if listener is not None:
            listener.subscriptions.pop(pattern, None)

    def note(self, touched: Mapping[str, Touch]) -> None:
        """Find the controls that have changed since the last call, and the listeners to notify.

        Parameters
        ----------
        touched : mapping
            Address to who set it.
        """
        vector = self._controls.values
        indices = np.flatnonzero(vector != self._seen)
        self._seen[indices] = vector[indices]
        if not self._listeners:
            self._macros = self._macro_values()
            return
        addresses = [self._controls.layout.addresses[index] for index in indices.tolist()]
        macros = self._macro_values()
        addresses += [a for a, values in macros.items() if values != self._macros[a]]
        self._macros = macros
        for address in addresses:
            touch = touched.get(address)
            mover = self._leases.target(touch.source) if touch is not None and touch.exact else None
            for peer, listener in self._listeners.items():
                if peer != mover:
                    self._queue(listener, address)
        for address, touch in touched.items():
            corrected = None if touch.exact else self._listeners.get(self._leases.target(touch.source))
            if corrected is not None:
                self._queue(corrected, address)

    def _queue(self, listener: Listener, address: str) -> None:
        names = [address, *self._controls.aliases.get(address, ())]
        if listener.mask & CONTROLS and self._controls.has_value(address):
            listener.pending[address] = None
        for subscription in listener.subscriptions.values():
            for name in names:
                if name in subscription.controls:
                    subscription.pending[name] = None

    def tick(self, now_s: float) -> None:
        """Send what is due. A missed round is skipped, not repeated."""
        while self._announced:
            self._send_to_all(self._announced.popleft(), now_s)
        if now_s < self.next_s:
            return
        self._values.begin_round()
        if now_s >= self._next_stream_s:
            self._next_stream_s += PERIOD_S
            if self._next_stream_s <= now_s:
                self._next_stream_s = now_s + PERIOD_S
            self._discard_expired(now_s)
            self._note_steady()
            self._send_streams()
        for peer, listener in self._listeners.items():
            if listener.due_s <= now_s:
                self._send_due(peer, listener, now_s)

    def announce(self, message: bytes) -> None:
        """Send one message to all listeners with the next `tick`. Any thread."""
        self._announced.append(message)

    def _send_to_all(self, datagram: bytes, now_s: float) -> None:
        for peer in {*self._targets, *(lease.target for lease in self._leases.alive(now_s))}:
            peer.send(datagram)

    def _send_streams(self) -> None:
        requested = {mask for listener in self._listeners.values() for mask in STREAMS if listener.mask & mask}
        streams = {bit: self._encode(STREAMS[bit]) for bit in STREAMS if bit in requested and self._known(STREAMS[bit])}
        for peer, listener in self._listeners.items():
            self._send_messages([message for bit, message in streams.items() if listener.mask & bit], peer)

    def _known(self, address: str) -> bool:
        return self._values.is_read(address)

    def _send_due(self, peer: Peer, listener: Listener, now_s: float) -> None:
        if listener.pending and listener.next_s <= now_s:
            self._send_pending(peer, listener.pending)
            listener.next_s = now_s + (PACE_S if listener.pending else CHANGES_S)
        for subscription in listener.subscriptions.values():
            if subscription.due_s > now_s:
                continue
            period_s = subscription.period_s
            changed = []
            for address in subscription.reads:
                _, values = self._values.get(address)
                if subscription.last.get(address) != values:
                    subscription.last[address] = values
                    changed.append(self._encode(address))
            self._send_messages(changed, peer)
            self._send_pending(peer, subscription.pending)
            # Nothing announces a change of the program's values: even subscriptions without a period must poll them.
            pause_s = period_s or (1 / MAX_RATE_HZ if subscription.reads else 0.0)
            subscription.next_s = now_s + (PACE_S if subscription.pending else pause_s)

    def _send_pending(self, peer: Peer, pending: dict[str, None]) -> None:
        """Send a few bundles of the pending addresses, the oldest first."""
        messages, room = [], ROUND_BUNDLES * 1200
        while pending and room > 0:
            address = next(iter(pending))
            del pending[address]
            messages.append(self._encode(address))
            room -= len(messages[-1]) + 4
        self._send_messages(messages, peer)

    def _encode(self, address: str) -> bytes:
        types, values = self._values.get(address)
        return encode_message(address, types, values)

    def _send_messages(self, messages: Sequence[bytes], peer: Peer) -> None:
        for bundle in group(messages) if peer.transport.bundles else [[message] for message in messages]:
            peer.send(join(bundle))

    def _discard_expired(self, now_s: float) -> None:
        valid = {*self._targets, *(lease.target for lease in self._leases.alive(now_s))}
        for peer in [p for p in self._listeners if p not in valid]:
            del self._listeners[peer]

    def _macro_values(self) -> dict[str, tuple[Value, ...]]:
        return {address: self._controls.get(address) for address in self._controls.macros}

    def _steady_values(self) -> dict[str, tuple[Value, ...]]:
        self._values.begin_round()
        return {a: self._values.get(a)[1] for a in self._values.state if self._values.is_read(a)}

    def _note_steady(self) -> None:
        """Queue the changes of program values that seldom change, such as the list of the snapshots."""
        before, self._steady = self._steady, self._steady_values()
        for address, values in self._steady.items():
            if values != before[address]:
                for listener in self._listeners.values():
                    if listener.mask & CONTROLS:
                        listener.pending[address] = None
