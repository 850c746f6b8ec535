"""The OSC server: one UDP socket, one thread, from datagrams to the control vector.

The thread drains what has arrived, applies it, publishes the vector once, then answers. Feedback is sent by
the same thread. Nothing that comes from the network is opened, imported or run, and no name is looked up.
"""

from __future__ import annotations

import heapq
import itertools
import struct
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields

from rtrave.control.namespace import Controls
from rtrave.control.slots import Written
from rtrave.control.vector import Vector
from rtrave.errors import ControlError, RtraveError
from rtrave.osc.counts import Counts
from rtrave.osc.dispatch import Action, Dispatcher
from rtrave.osc.endpoint import Endpoint
from rtrave.osc.fast import single_floats
from rtrave.osc.feedback import Feedback
from rtrave.osc.packets import Message, PacketError, decode_packet, encode_message, seconds_ahead
from rtrave.osc.replies import WEB, Leases, Origin, Peer, Replies, is_web
from rtrave.osc.values import Reader, Values
from rtrave.settings import DEFAULT_OSC_PORT

BURST_S = 0.005
MAX_QUEUED = 1024
MAX_AHEAD_S = 2.0
WAKE_S = 0.05
FLOOD_S = 0.001  # bursts that follow each other faster are gathered
REST_S = 0.0005
DONE_CHECK_S = 0.5  # between two looks at whether the thread is still there
FLOAT = struct.Struct(">f")


class OscServer:
    """Receives OSC, keeps the controls, answers, and sends feedback.

    Parameters
    ----------
    controls : Controls
        Belongs to the server's thread from `start` to `stop`.
    publish : callable
        Called with `controls.values` (float64, to be copied at once) after each burst that set a control.
    actions : mapping
        Address of an action of the table to a callable that takes its arguments, as many as came, and returns at
        once; it may move controls. An RtraveError it raises goes to the sender, as `denied` unless it is a
        ControlError with its own code.
    readers : mapping
        Read-only address of the table to a callable that returns its values at once, in the types of the
        table: one number per latent dimension for `/rtrave/latent/<n>/in`, `/rtrave/latent/<n>/out` and
        `/rtrave/z/out`.
    bind : str
        Host or IPv4 address to listen on; loopback unless told otherwise.
    port : int
        UDP port; 0 takes any free one.
    targets : iterable of (host, port)
        Permanent targets of the feedback, from `feedback.parse_target`.
    ignore_time_tags : bool
        Do everything at once.
    monotonic_s, unix_s : callable
        The clocks.

    Attributes
    ----------
    counts : Counts
        Written by the server's thread; may be read from any.
    port, receive_buffer_bytes : int
        What the system gave.
    web_send : callable
        (datagram, number of a web socket) -> None; must not wait. Set before `start`.
    last_fault : str
        Traceback of the last fault of the program itself, "" for none.

    Raises
    ------
    RtraveError
        Where the port or the address cannot be had.
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
        targets: Iterable[Peer] = (),
        ignore_time_tags: bool = False,
        monotonic_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.counts = Counts()
        self.last_fault = ""
        self._controls = controls
        self._publish = publish
        self._monotonic_s = monotonic_s
        self._unix_s = unix_s
        self._ignore_time_tags = ignore_time_tags
        self._endpoint = endpoint = Endpoint(bind, port)
        self.port = endpoint.port
        self.receive_buffer_bytes = endpoint.receive_buffer_bytes
        self._leases = leases = Leases()
        self.web_send: Callable[[bytes, int], object] = lambda datagram, number: None
        self._replies = Replies(leases, self._send)
        self._values = values = Values(controls, readers)
        self._feedback = Feedback(targets, leases, controls, values, self._send, monotonic_s())
        self._dispatcher = Dispatcher(controls, leases, self._replies, actions, values, self._feedback, monotonic_s)
        self._fast = single_floats(controls)
        self._calls: deque[Callable[[], object]] = deque()
        self._queue: list[tuple[float, int, Message, Origin]] = []
        self._order = itertools.count()
        self._set_in_burst: set[str] = set()
        self._touched: dict[str, tuple[Peer, bool]] = {}  # address to who set it, and whether as sent
        self._outbox: dict[Origin, None] = {}
        self._announced: deque[bytes] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc", daemon=True)

    def stats(self) -> dict[str, int | dict[str, int]]:
        """Copy all counters. Any thread.

        Returns
        -------
        dict
            Those of `counts`; `held`, replies that a limit held back; and of datagrams `sent`, `unsent` (not
            taken by the system), `lost` (on arrival, in a full buffer).
        """
        endpoint = self._endpoint
        told: dict[str, int | dict[str, int]] = {f.name: getattr(self.counts, f.name) for f in fields(Counts)}
        told["refused"] = dict(self.counts.refused)
        sent = {"sent": endpoint.sent, "unsent": endpoint.unsent, "lost": endpoint.lost}
        return told | {"held": self._replies.held} | sent

    def announce(self, address: str, types: str, values: tuple[float | str, ...]) -> None:
        """Tell all who listen, soon. Any thread."""
        self._announced.append(encode_message(address, types, values))

    def call(self, function: Callable[[], object]) -> None:
        """Have something done on the server's thread, soon, and the controls published after it. Any thread."""
        self._calls.append(function)
        self._endpoint.wake()

    def do(self, function: Callable[[], object]) -> None:
        """As `call`, and wait until it is done; what it raises is raised here. Any thread but the server's, while that
        one runs."""
        done, raised = threading.Event(), []

        def act() -> None:
            try:
                function()
            except BaseException as error:
                raised.append(error)
            done.set()

        self.call(act)
        while not done.wait(DONE_CHECK_S):
            if not self._thread.is_alive():
                raise RtraveError("the OSC server has ended: start again")
        if raised:
            raise raised[0]

    def begin_anew(self) -> None:
        """The controls are another model's from here on: listeners are told the whole state. The server's thread."""
        self._touched.clear()
        self._values.begin_anew()
        self._fast = single_floats(self._controls)
        self._feedback.begin_anew()

    # Web sockets, each a peer by its number; by `call`, on the server's thread

    def web_open(self, number: int) -> None:
        """A web socket was opened."""
        self._leases.hold((WEB, number))

    def web_packet(self, data: bytes, number: int) -> None:
        """An OSC packet came over a web socket."""
        self.handle(data, (WEB, number))

    def web_listen(self, number: int, addresses: Sequence[str], listens: bool) -> None:
        """A web socket wants to hear changes of addresses at once, or no longer."""
        self._feedback.listen((WEB, number), addresses, listens, self._monotonic_s())

    def web_close(self, number: int) -> None:
        """A web socket was closed."""
        self._leases.release((WEB, number))
        self._feedback.forget((WEB, number))

    def start(self) -> None:
        """Start the thread. Call once, from the composition root."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the socket; what waits for its time is refused as `late`. Any thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._queue:
            self.counts.refused["late"] += len(self._queue)
        self.counts.queued = 0
        self._queue.clear()
        self._endpoint.close()

    def handle(self, data: bytes, source: Peer) -> None:
        """Take one datagram; `finish_burst` publishes and answers. Server's thread, or tests without it."""
        self.counts.packets += 1
        now_s = self._monotonic_s()
        self._leases.renew(source, now_s)
        if self._set_fast(data, source):
            return
        origin = Origin(source, len(data))
        self._outbox[origin] = None
        try:
            messages = decode_packet(data)
        except PacketError as error:
            self.counts.received += 1
            self._refuse(error, error.address, origin)
            return
        self.counts.received += len(messages)
        later: list[tuple[float, Message]] = []
        unix_s = self._unix_s()
        for message in messages:
            ahead_s = 0.0 if self._ignore_time_tags else seconds_ahead(message.time_tag, unix_s)
            if ahead_s > 0.0:
                later.append((ahead_s, message))
            else:
                self._do(message, origin)
        if later:
            self._postpone(later, origin, now_s)

    def _set_fast(self, data: bytes, source: Peer) -> bool:
        """A message of one float, in range, to one control: the bulk of what comes, done without decoding."""
        place = self._fast.get(data[:-4])
        if place is None:
            return False
        slot, low, high, address = place
        (value,) = FLOAT.unpack_from(data, len(data) - 4)
        if not low <= value <= high:
            return False
        self._controls.values[slot] = value
        counts = self.counts
        counts.received += 1
        if address in self._set_in_burst:
            counts.coalesced += 1
        else:
            counts.accepted += 1
            self._set_in_burst.add(address)
        self._touched[address] = (source, True)
        return True

    def finish_burst(self) -> None:
        """Do what is due, publish the vector if a control was set, send the answers. As `handle`."""
        now_s = self._monotonic_s()
        while self._queue and self._queue[0][0] <= now_s:
            _, _, message, origin = heapq.heappop(self._queue)
            self.counts.queued -= 1
            self._outbox[origin] = None
            self._do(message, origin)
        while self._calls:
            self._calls.popleft()()
            self._set_in_burst.add("")
        if self._set_in_burst:
            self._publish(self._controls.values)
            self._set_in_burst.clear()
            self.counts.published += 1
            self._note_changes()
        outbox, self._outbox = self._outbox, {}
        for origin in outbox:
            if origin.replies:
                self._replies.flush(origin, now_s)

    def _note_changes(self) -> None:
        touched, self._touched = self._touched, {}
        targets: dict[Peer, Peer] = {}
        for source, _ in touched.values():
            if source not in targets:
                lease = self._leases.own(source)
                targets[source] = lease.target if lease is not None else source
        self._feedback.note({a: (targets[source], exact) for a, (source, exact) in touched.items()})

    def _send(self, datagram: bytes, peer: Peer) -> None:
        if is_web(peer):
            self.web_send(datagram, peer[1])
        else:
            self._endpoint.send(datagram, peer)

    def tick(self) -> None:
        """Send feedback if it is due. As `handle`."""
        while self._announced:
            self._feedback.tell_all(self._announced.popleft(), self._monotonic_s())
        self._feedback.tick(self._monotonic_s())

    def _postpone(self, later: list[tuple[float, Message]], origin: Origin, now_s: float) -> None:
        """Queue what is for later of one packet: all of it or nothing, so that no bundle is torn."""
        farthest_s = max(ahead_s for ahead_s, _ in later)
        if farthest_s <= MAX_AHEAD_S and len(self._queue) + len(later) <= MAX_QUEUED:
            for ahead_s, message in later:
                heapq.heappush(self._queue, (now_s + ahead_s, next(self._order), message, origin))
            self.counts.queued = len(self._queue)
            return
        why = f"{MAX_QUEUED} messages are waiting already: send later or at once"
        if farthest_s > MAX_AHEAD_S:
            why = f"time tag {farthest_s:.4g} s ahead: expected at most {MAX_AHEAD_S:g} s"
        for _, message in later:
            self._refuse(ControlError("late", why), message.address, origin)

    def _do(self, message: Message, origin: Origin) -> None:
        try:
            written = self._dispatcher.do(message, origin)
        except ControlError as error:
            self._refuse(error, message.address, origin)
        except RtraveError as error:
            self._refuse(ControlError("denied", str(error)), message.address, origin)
        except Exception:
            self._fault()
            fault = ControlError("busy", "a fault of the program, not of the message")
            self._refuse(fault, message.address, origin)
        else:
            # A trigger or an action does its work each time: only values overwrite each other.
            if written and message.address in self._set_in_burst and self._overwrites(message.address):
                self.counts.coalesced += 1
            else:
                self.counts.accepted += 1
            if written is not None:
                self._set_in_burst.add(message.address)
                self._touch(message.address, written, origin.source)

    def _overwrites(self, address: str) -> bool:
        controls = self._controls
        return not controls.is_trigger(address) and (controls.has_value(address) or address not in controls.parameters)

    def _touch(self, address: str, written: Written, source: Peer) -> None:
        addresses = self._controls.layout.addresses
        for where in written.where:
            for slot in range(where.start, where.stop):
                self._touched[addresses[slot]] = (source, written.exact)
        place = self._controls.place(address)
        if place is not None and place.where is None:
            self._touched[place.parameter.address] = (source, written.exact)

    def _refuse(self, error: ControlError, address: str, origin: Origin) -> None:
        self.counts.refused[error.code] += 1
        self._dispatcher.refuse(error, address, origin)

    def _fault(self) -> None:
        self.counts.faults += 1
        self.last_fault = traceback.format_exc()

    def _run(self) -> None:
        rested_s = 0.0
        while not self._stopping.is_set():
            self._endpoint.wait(self._wait_s())
            if time.monotonic() - rested_s < FLOOD_S:
                time.sleep(REST_S)  # in a flood one burst of many costs far less than many of one
            rested_s = time.monotonic()
            for part in (self._drain, self.finish_burst, self.tick):
                try:
                    part()
                except Exception:  # a fault of ours must not take the controls from a running sound
                    self._fault()

    def _wait_s(self) -> float:
        due_s = min(self._feedback.next_s, self._queue[0][0] if self._queue else self._feedback.next_s)
        return min(max(due_s - self._monotonic_s(), 0.0), WAKE_S)

    def _drain(self) -> None:
        """Take what has arrived, for 5 ms at most: a flood must not keep the vector from being published."""
        until_s = time.monotonic() + BURST_S
        arrived = self._endpoint.receive(count_lost=True)
        while arrived is not None:
            self.handle(*arrived)
            arrived = self._endpoint.receive() if time.monotonic() < until_s else None
