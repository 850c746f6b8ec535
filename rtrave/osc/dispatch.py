"""What one message does: set a control, fire an action, ask for a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from rtrave.control.arguments import action_arguments, tag, whole
from rtrave.control.namespace import Controls
from rtrave.control.parameter import TABLE, Parameter, Value
from rtrave.control.pattern import is_pattern
from rtrave.control.vector import concrete
from rtrave.errors import ControlError
from rtrave.osc.feedback import ALL_STREAMS, Reader
from rtrave.osc.packets import Message
from rtrave.osc.replies import Leases, Origin, Replies

Action = Callable[..., object]
T = TypeVar("T")

MAX_MARK = 256
MAX_SHOWN = 200


class Dispatcher:
    """Does messages, one at a time, on the OSC server's thread.

    Parameters
    ----------
    controls, leases, replies
        What messages act on.
    actions, readers : mapping
        As `OscServer`.
    monotonic_s : callable

    Raises
    ------
    ValueError
        For an action or a reader that the table does not have.
    """

    def __init__(
        self,
        controls: Controls,
        leases: Leases,
        replies: Replies,
        actions: Mapping[str, Action],
        readers: Mapping[str, Reader],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._controls = controls
        self._leases = leases
        self._replies = replies
        self._monotonic_s = monotonic_s
        self._actions = _checked(actions, "action")
        self._reads = _reads(_checked(readers, "read"), controls.layout.dims)
        self._own: dict[str, Action] = {
            "/rtrave/hello": self._hello,
            "/rtrave/bye": self._bye,
            "/rtrave/ping": self._ping,
            "/rtrave/sync": self._sync,
            "/rtrave/doc": self._doc,
        }

    def do(self, message: Message, origin: Origin) -> bool:
        """Do one message; True where it set a control. RtraveError where it is refused: nothing was done."""
        address, arguments = message.address, message.arguments
        controls = self._controls
        parameter = controls.parameters.get(address)
        if controls.has_value(address) or controls.is_trigger(address):
            if arguments or not controls.has_value(address):
                controls.set(address, arguments)
                return True
            self._tell([address], origin)
        elif parameter is None:
            return self._do_unlisted(address, arguments, origin)
        elif parameter.kind == "action":
            self._act(parameter, arguments, origin)
        elif arguments:
            raise ControlError("denied", f"{address} can only be read: send it without arguments", 0)
        else:
            self._tell([address], origin)
        return False

    def refuse(self, error: ControlError, address: str, origin: Origin) -> None:
        """Answer a refused message by `/rtrave/error`: address, code, argument, text."""
        if self._replies.room(origin, self._monotonic_s()):
            told = (address[:MAX_SHOWN], error.code, error.argument, str(error)[:MAX_SHOWN])
            self._replies.add(origin, "/rtrave/error", "ssis", told)

    def _do_unlisted(self, address: str, arguments: tuple[object, ...], origin: Origin) -> bool:
        if arguments or not is_pattern(address):
            self._controls.set(address, arguments)
            return True
        matched = self._controls.match(address)
        readable = [a for a in matched if self._controls.has_value(a) or a in self._reads]
        if not readable:
            raise ControlError("denied", f"nothing that {address[:60]!r} matches can be read")
        self._tell(readable, origin)
        return False

    def _tell(self, addresses: list[str], origin: Origin) -> None:
        """Answer with values, as far as there is room for them."""
        for k, address in enumerate(addresses):
            is_control = self._controls.has_value(address)
            if not (is_control or address in self._reads):
                raise ControlError("denied", f"{address} is not available here")
            if not self._replies.room(origin, self._monotonic_s(), len(addresses) - k):
                return
            if is_control:
                types, values = self._controls.value_type(address), self._controls.get(address)
            else:
                types, values = self._controls.parameters[address].type, self._reads[address]()
            self._replies.add(origin, address, types, values)

    def _act(self, parameter: Parameter, arguments: tuple[object, ...], origin: Origin) -> None:
        taken = action_arguments(parameter, arguments)
        if taken is None:
            return
        if parameter.address == "/rtrave/record/start" and taken:
            tag(taken[0])
        if parameter.address == "/rtrave/record/mark" and taken:
            _check_mark(str(taken[0]))
        own = self._own.get(parameter.address)
        if own is not None:
            own(origin, *taken)
            return
        action = self._actions.get(parameter.address)
        if action is None:
            raise ControlError("denied", f"{parameter.address} is not available here")
        action(*taken)

    # Actions of the server itself

    def _hello(self, origin: Origin, port: Value | None = None, mask: Value = ALL_STREAMS) -> None:
        chosen = whole(port, 1, 65535, 0) if port is not None else None
        self._leases.hello(origin.source, chosen, whole(mask, 0, ALL_STREAMS, 1), self._monotonic_s())

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


def _checked(given: Mapping[str, T], kind: str) -> dict[str, T]:
    known = {p.address for p in TABLE if p.kind == kind}
    for address in given:
        if address not in known:
            raise ValueError(f"{address!r} is no {kind} of the control table")
    return dict(given)


def _reads(readers: Mapping[str, Reader], dims: int) -> dict[str, Reader]:
    """Spread readers over concrete addresses: a reader of `<n>` gives all, each address takes its one."""
    reads: dict[str, Reader] = {}
    for parameter in TABLE:
        reader = readers.get(parameter.address)
        if reader is not None:
            spread = "<n>" in parameter.address
            for n, address in enumerate(concrete(parameter, dims)):
                reads[address] = _nth(reader, n) if spread else reader
    return reads


def _nth(reader: Reader, n: int) -> Reader:
    return lambda: reader()[n : n + 1]


def _check_mark(text: str) -> None:
    if not (len(text) <= MAX_MARK and text.isprintable()):
        wanted = f"at most {MAX_MARK}, printable"
        raise ControlError("bad-name", f"a mark of {len(text)} characters: expected {wanted}", 0)
