"""The OSC server: from packets to the control vector, and back to its peers.

One thread takes a burst of packets, does their messages, publishes the control vector once, then sends the replies and
the feedback. UDP is its own transport; other transports bring peers and packets by `submit`. Nothing that the network
sends is opened, imported or run, and no name is looked up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from rtrave.control.namespace import Controls
from rtrave.control.vector import Vector
from rtrave.errors import ControlError
from rtrave.osc.burst import Burst
from rtrave.osc.calls import Calls
from rtrave.osc.counts import Counts
from rtrave.osc.dispatch import Action, Dispatcher
from rtrave.osc.endpoint import Endpoint
from rtrave.osc.fast import FastFloats
from rtrave.osc.feedback import Feedback
from rtrave.osc.leases import Leases
from rtrave.osc.own_actions import OwnActions
from rtrave.osc.packets import Message, PacketError, decode_packet, encode_message, seconds_ahead
from rtrave.osc.replies import Origin, Replies
from rtrave.osc.schedule import Schedule
from rtrave.osc.thread import ServerThread
from rtrave.osc.transport import Address, Peer
from rtrave.osc.values import Reader, Values
from rtrave.settings import DEFAULT_OSC_PORT

BURST_S = 0.005
WAKE_S = 0.05

T = TypeVar("T")


class OscServer:
    """An OSC server, which owns the controls while its thread runs.

    Parameters
    ----------
    controls : Controls
        Belongs to the server's thread from `start` to `stop`.
    publish : callable
        Called with `controls.values` (float64, to be copied at once) after each burst that set a control.
    actions : mapping
        Address of an action of the table to a callable that takes the arguments that were sent, and returns at once.
        It may change controls. An RtraveError that it raises goes to the sender: as `denied`, or with its own code
        where it is a ControlError.
    readers : mapping
        Read-only address of the table to a callable that returns its values at once, in the types of the
        table: one number per latent dimension for `/rtrave/latent/<n>/in`, `/rtrave/latent/<n>/out` and
        `/rtrave/z/out`.
    bind : str
        Host or IPv4 address to listen on.
    port : int
        UDP port; 0 takes any free one.
    targets : iterable of (host, port)
        Permanent targets of the feedback, from `listeners.parse_target`.
    ignore_time_tags : bool
        Do every message at once.
    monotonic_s, unix_s : callable
        The clocks.

    Attributes
    ----------
    controls : Controls
    counts : Counts
    udp : Endpoint
        The UDP transport.
    port : int
        Its port.

    Raises
    ------
    RtraveError
        Where the system does not grant the port or the address.
    """

    def __init__(
        self,
        controls: Controls,
        publish: Callable[[Vector], object],
        actions: Mapping[str, Action],
        readers: Mapping[str, Reader],
        *,
        bind: str = "127.0.0.1",
        port: int = DEFAULT_OSC_PORT,
        targets: Iterable[Address] = (),
        ignore_time_tags: bool = False,
        monotonic_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.controls, self._publish = controls, publish
        self._monotonic_s, self._unix_s, self._ignore_time_tags = monotonic_s, unix_s, ignore_time_tags
        self.counts = counts = Counts()
        self.udp = Endpoint(bind, port)
        self.port = self.udp.port
        self._leases = leases = Leases()
        self._replies = replies = Replies(leases)
        self._values = values = Values(controls, readers)
        permanent = [Peer(self.udp, target) for target in targets]
        self._feedback = feedback = Feedback(permanent, leases, controls, values, monotonic_s())
        self._burst = burst = Burst(controls, counts)
        self._fast = FastFloats(controls, burst)
        own = OwnActions(controls, leases, replies, feedback, monotonic_s).by_address
        self._dispatcher = Dispatcher(controls, values, actions, own, replies, burst, counts, monotonic_s)
        self._schedule = Schedule(counts)
        self._calls = Calls(self.udp.wake, counts.note_fault)
        parts = (self._drain, self.finish_burst, self.tick)
        self._thread = ServerThread(self._wait, self.udp.wake, parts, counts.note_fault, self._calls.close)

    # From any thread

    def stats(self) -> dict[str, int | dict[str, int]]:
        """Return a copy of all counters.

        Returns
        -------
        dict
            The counters of `counts`; `held`, replies that a limit held back; the datagrams `sent`, `unsent` (rejected
            by the system) and `lost` (on arrival, in a full buffer); the number of `listeners`, peers that get
            feedback now, and of `leases`.
        """
        udp = self.udp
        datagrams: dict[str, int] = {"sent": udp.sent, "unsent": udp.unsent, "lost": udp.lost}
        peers: dict[str, int] = {"listeners": len(self._feedback), "leases": len(self._leases)}
        return self.counts.numbers() | {"held": self._replies.held} | datagrams | peers

    def announce(self, address: str, types: str, values: tuple[float | str, ...]) -> None:
        """Send a message to all listeners, soon."""
        self._feedback.announce(encode_message(address, types, values))

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Call a function on the server's thread, soon, and publish the controls after it.

        Wait for the future on other threads only. Before `start` nothing happens; from `stop` on the future fails.

        Returns
        -------
        Future
            The result, or the exception that the function raised. RtraveError where the server has ended.
        """
        return self._calls.submit(function)

    # On the server's thread: by `submit`

    def connect(self, peer: Peer) -> None:
        """Grant a lease to a peer of a connected transport."""
        self._leases.hold(peer)

    def disconnect(self, peer: Peer) -> None:
        """End the lease and the feedback of a peer that `connect` was called for."""
        self._leases.release(peer)
        self._feedback.discard(peer)

    def listen(self, peer: Peer, addresses: Sequence[str], listens: bool) -> None:
        """Start to send a connected peer the changes of addresses at once, or end that."""
        self._feedback.listen(peer, addresses, listens, self._monotonic_s())

    def adopt_controls(self) -> None:
        """Use the controls after they became another model's, and send their whole state to the listeners."""
        self._burst.adopt_controls()
        self._values.adopt_controls()
        self._fast.adopt_controls()
        self._feedback.adopt_controls()

    # The life of the thread

    def start(self) -> None:
        """Start the thread. Call once, from the composition root."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the socket. Queued messages are refused as `late`. Any other thread."""
        self._thread.stop()
        self._calls.close()
        self._schedule.refuse_all()
        self.udp.close()

    # The work of one burst, on the server's thread, or in tests without it

    def handle(self, data: bytes, source: Peer) -> None:
        """Do one packet. `finish_burst` publishes and replies."""
        self.counts.packets += 1
        now_s = self._monotonic_s()
        self._leases.renew(source, now_s)
        if self._fast.set(data, source):
            self.counts.received += 1
            return
        origin = Origin(source, len(data))
        self._replies.expect(origin)
        try:
            messages = decode_packet(data)
        except PacketError as error:
            self.counts.received += 1
            self._dispatcher.refuse(error, error.address, origin)
            return
        self.counts.received += len(messages)
        self._do(messages, origin, now_s)

    def _do(self, messages: Sequence[Message], origin: Origin, now_s: float) -> None:
        """Do the messages of one packet, or schedule those whose time tag lies ahead."""
        later: list[tuple[float, Message]] = []
        unix_s = self._unix_s()
        for message in messages:
            ahead_s = 0.0 if self._ignore_time_tags else seconds_ahead(message.time_tag, unix_s)
            if ahead_s > 0.0:
                later.append((ahead_s, message))
            else:
                self._dispatcher.do(message, origin)
        if not later:
            return
        try:
            self._schedule.add(later, origin, now_s)
        except ControlError as error:
            for _, message in later:
                self._dispatcher.refuse(error, message.address, origin)

    def finish_burst(self) -> None:
        """Do what is due, publish the vector if a control was set, and send the replies."""
        now_s = self._monotonic_s()
        for message, origin in self._schedule.due(now_s):
            self._replies.expect(origin)
            self._dispatcher.do(message, origin)
        if self._calls.run():
            self._burst.note_call()
        if self._burst.changed:
            self._publish(self.controls.values)
            self._feedback.note(self._burst.end())
        self._replies.flush(now_s)

    def tick(self) -> None:
        """Send the feedback that is due."""
        self._feedback.tick(self._monotonic_s())

    # The round of the thread

    def _wait(self) -> None:
        due_s = min(self._feedback.next_s, self._schedule.next_s)
        self.udp.wait(min(max(due_s - self._monotonic_s(), 0.0), WAKE_S))

    def _drain(self) -> None:
        """Handle what has arrived by UDP, for 5 ms at most: a flood must not keep the vector from being published."""
        until_s = time.monotonic() + BURST_S
        arrived = self.udp.receive(count_lost=True)
        while arrived is not None:
            self.handle(*arrived)
            arrived = self.udp.receive() if time.monotonic() < until_s else None
