"""The server's own actions: leases, subscriptions, and questions about the server. The OSC server's thread only."""

from __future__ import annotations

from collections.abc import Callable

from rtrave.control.arguments import whole
from rtrave.control.namespace import Controls
from rtrave.control.parameter import Value
from rtrave.errors import ControlError
from rtrave.osc.feedback import ALL_STREAMS, DEFAULT_MASK, MAX_RATE_HZ, Feedback
from rtrave.osc.leases import Leases
from rtrave.osc.replies import Origin, Replies
from rtrave.osc.transport import Peer

OwnAction = Callable[..., object]  # takes the origin, then the arguments that were sent


class OwnActions:
    """The actions that need no part of the program besides the server.

    Parameters
    ----------
    controls, leases, replies, feedback
        The parts of the server that they act on.
    monotonic_s : callable

    Attributes
    ----------
    by_address : dict
    """

    def __init__(
        self,
        controls: Controls,
        leases: Leases,
        replies: Replies,
        feedback: Feedback,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._controls, self._leases, self._replies = controls, leases, replies
        self._feedback, self._monotonic_s = feedback, monotonic_s
        self.by_address: dict[str, OwnAction] = {
            "/rtrave/hello": self._hello,
            "/rtrave/bye": self._bye,
            "/rtrave/ping": self._ping,
            "/rtrave/sync": self._sync,
            "/rtrave/doc": self._doc,
            "/rtrave/subscribe": self._subscribe,
            "/rtrave/unsubscribe": self._unsubscribe,
        }

    def _hello(self, origin: Origin, port: Value | None = None, mask: Value = DEFAULT_MASK) -> None:
        chosen = whole(port, 1, 65535, 0) if port is not None else None
        now_s, streams = self._monotonic_s(), whole(mask, 0, ALL_STREAMS, 1)
        self._leases.hello(origin.source, chosen, streams, now_s)
        lease = self._leases.of(origin.source, now_s)
        if lease is not None:
            self._feedback.welcome(lease.target, streams)

    def _subscribe(self, origin: Origin, pattern: Value, rate_hz: Value = MAX_RATE_HZ) -> None:
        if not 0 < float(rate_hz) <= MAX_RATE_HZ:
            expected = f"a rate above 0 and up to {MAX_RATE_HZ:g} Hz"
            raise ControlError("out-of-range", f"argument 1: expected {expected}, got {rate_hz:g}", 1)
        self._feedback.subscribe(self._target(origin), str(pattern), float(rate_hz), self._monotonic_s())

    def _unsubscribe(self, origin: Origin, pattern: Value) -> None:
        self._feedback.unsubscribe(self._target(origin), str(pattern))

    def _target(self, origin: Origin) -> Peer:
        lease = self._leases.of(origin.source, self._monotonic_s())
        if lease is None:
            raise ControlError("denied", "a subscription needs a lease: send /rtrave/hello first")
        return lease.target

    def _bye(self, origin: Origin) -> None:
        self._leases.bye(origin.source, self._monotonic_s())

    def _ping(self, origin: Origin) -> None:
        self._reply(origin, "/rtrave/pong", "", ())

    def _sync(self, origin: Origin, number: Value) -> None:
        self._reply(origin, "/rtrave/synced", "i", (number,))

    def _doc(self, origin: Origin, address: Value) -> None:
        parameter = self._controls.parameters.get(str(address))
        if parameter is None:
            raise ControlError("unknown-address", f"no address {str(address)[:60]!r}", 0)
        facts = (parameter.type, parameter.low, parameter.high, parameter.unit, parameter.description)
        self._reply(origin, "/rtrave/doc", "ssffss", (str(address), *facts))

    def _reply(self, origin: Origin, address: str, types: str, arguments: tuple[Value, ...]) -> None:
        if self._replies.room(origin, self._monotonic_s()):
            self._replies.add(origin, address, types, arguments)
