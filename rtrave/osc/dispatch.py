"""What one message does: set a control, fire an action, ask for a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rtrave.control.arguments import action_arguments, tag, whole
from rtrave.control.namespace import Controls
from rtrave.control.parameter import Parameter, Value
from rtrave.control.pattern import is_pattern
from rtrave.control.slots import Written
from rtrave.errors import ControlError
from rtrave.osc.feedback import ALL_STREAMS, DEFAULT_MASK, MAX_RATE_HZ, Feedback
from rtrave.osc.packets import Message
from rtrave.osc.replies import Leases, Origin, Peer, Replies
from rtrave.osc.values import Values, check_known

Action = Callable[..., object]

MAX_MARK = 256
MAX_SHOWN = 200


class Dispatcher:
    """Does messages, one at a time, on the OSC server's thread.

    Parameters
    ----------
    controls, leases, replies
        What messages act on.
    actions : mapping
        As `OscServer`.
    values : Values
    feedback : Feedback
    monotonic_s : callable

    Raises
    ------
    ValueError
        For an action that the table does not have.
    """

    def __init__(
        self,
        controls: Controls,
        leases: Leases,
        replies: Replies,
        actions: Mapping[str, Action],
        values: Values,
        feedback: Feedback,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._controls = controls
        self._leases = leases
        self._replies = replies
        self._monotonic_s = monotonic_s
        self._actions = check_known(actions, "action")
        self._values = values
        self._feedback = feedback
        self._own: dict[str, Action] = {
            "/rtrave/hello": self._hello,
            "/rtrave/bye": self._bye,
            "/rtrave/ping": self._ping,
            "/rtrave/sync": self._sync,
            "/rtrave/doc": self._doc,
            "/rtrave/subscribe": self._subscribe,
            "/rtrave/unsubscribe": self._unsubscribe,
        }

    def do(self, message: Message, origin: Origin) -> Written | None:
        """Do one message; what it wrote where it may have moved controls, else None.

        RtraveError where it is refused: nothing was done.
        """
        address, arguments = message.address, message.arguments
        controls = self._controls
        parameter = controls.parameters.get(address)
        if controls.has_value(address) or controls.is_trigger(address):
            if arguments or not controls.has_value(address):
                return controls.set(address, arguments)
            self._tell([address], origin)
        elif parameter is None:
            return self._do_unlisted(address, arguments, origin)
        elif parameter.kind == "action":
            return self._act(parameter, arguments, origin)
        elif arguments:
            raise ControlError("denied", f"{address} can only be read: send it without arguments", 0)
        else:
            self._tell([address], origin)
        return None

    def refuse(self, error: ControlError, address: str, origin: Origin) -> None:
        """Answer a refused message by `/rtrave/error`: address, code, argument, text."""
        if self._replies.room(origin, self._monotonic_s()):
            told = (address[:MAX_SHOWN], error.code, error.argument, str(error)[:MAX_SHOWN])
            self._replies.add(origin, "/rtrave/error", "ssis", told)

    def _do_unlisted(self, address: str, arguments: tuple[object, ...], origin: Origin) -> Written | None:
        if arguments or not is_pattern(address):
            return self._controls.set(address, arguments)
        matched = self._controls.match(address)
        readable = [a for a in matched if self._values.readable(a)]
        if not readable:
            raise ControlError("denied", f"nothing that {address[:60]!r} matches can be read")
        self._tell(readable, origin)
        return None

    def _tell(self, addresses: list[str], origin: Origin) -> None:
        """Answer with values, as far as there is room for them."""
        self._values.begin_round()
        for k, address in enumerate(addresses):
            if not self._values.readable(address):
                raise ControlError("denied", f"{address} is not available here")
            if not self._replies.room(origin, self._monotonic_s(), len(addresses) - k):
                return
            types, values = self._values.get(address)
            self._replies.add(origin, address, types, values)

    def _act(self, parameter: Parameter, arguments: tuple[object, ...], origin: Origin) -> Written | None:
        taken = action_arguments(parameter, arguments)
        if taken is None:
            return None
        if parameter.address == "/rtrave/record/start" and taken:
            tag(taken[0])
        if parameter.address == "/rtrave/record/mark" and taken:
            _check_mark(str(taken[0]))
        own = self._own.get(parameter.address)
        if own is not None:
            own(origin, *taken)
            return None
        action = self._actions.get(parameter.address)
        if action is None:
            raise ControlError("denied", f"{parameter.address} is not available here")
        action(*taken)
        return Written()

    # Actions of the server itself

    def _hello(self, origin: Origin, port: Value | None = None, mask: Value = DEFAULT_MASK) -> None:
        chosen = whole(port, 1, 65535, 0) if port is not None else None
        now_s, heard = self._monotonic_s(), whole(mask, 0, ALL_STREAMS, 1)
        self._leases.hello(origin.source, chosen, heard, now_s)
        lease = self._leases.of(origin.source, now_s)
        if lease is not None:
            self._feedback.welcome(lease.target, heard)

    def _subscribe(self, origin: Origin, pattern: Value, rate_hz: Value = MAX_RATE_HZ) -> None:
        if not 0 < float(rate_hz) <= MAX_RATE_HZ:
            wanted = f"expected a rate up to {MAX_RATE_HZ:g} Hz"
            raise ControlError("out-of-range", f"argument 1 is {rate_hz:g}: {wanted}", 1)
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
        shown = (parameter.type, parameter.low, parameter.high, parameter.unit, parameter.description)
        self._reply(origin, "/rtrave/doc", "ssffss", (str(address), *shown))

    def _reply(self, origin: Origin, address: str, types: str, arguments: tuple[Value, ...]) -> None:
        if self._replies.room(origin, self._monotonic_s()):
            self._replies.add(origin, address, types, arguments)


def _check_mark(text: str) -> None:
    if not (len(text) <= MAX_MARK and text.isprintable()):
        wanted = f"at most {MAX_MARK}, printable"
        raise ControlError("bad-name", f"a mark of {len(text)} characters: expected {wanted}", 0)
