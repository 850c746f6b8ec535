"""Dispatch of one decoded message: set a control, fire an action or answer with values, and account for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rtrave.control.arguments import action_arguments, tag
from rtrave.control.namespace import Controls
from rtrave.control.parameter import Parameter, ParameterKind
from rtrave.control.pattern import is_pattern
from rtrave.control.slots import Written
from rtrave.errors import ControlError, RtraveError
from rtrave.osc.burst import Burst
from rtrave.osc.counts import Counts
from rtrave.osc.own_actions import OwnAction
from rtrave.osc.packets import Message
from rtrave.osc.replies import Origin, Replies
from rtrave.osc.values import Values, check_known

Action = Callable[..., object]

MAX_MARK = 256
MAX_SHOWN = 200


class Dispatcher:
    """Dispatcher of decoded messages, one at a time. The OSC server's thread only.

    Parameters
    ----------
    controls : Controls
    values : Values
        Answers questions.
    actions : mapping
        As in `OscServer`.
    own_actions : mapping
        Address to an action of the server itself.
    replies : Replies
    burst : Burst
    counts : Counts
    monotonic_s : callable

    Raises
    ------
    ValueError
        For an action that the table does not have.
    """

    def __init__(
        self,
        controls: Controls,
        values: Values,
        actions: Mapping[str, Action],
        own_actions: Mapping[str, OwnAction],
        replies: Replies,
        burst: Burst,
        counts: Counts,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._controls, self._values = controls, values
        self._actions, self._own = check_known(actions, ParameterKind.ACTION), own_actions
        self._replies, self._burst, self._counts = replies, burst, counts
        self._monotonic_s = monotonic_s

    def do(self, message: Message, origin: Origin) -> None:
        """Do one message, count it, and answer it where it asks for that or is refused. Raises nothing."""
        try:
            written = self._perform(message, origin)
        except ControlError as error:
            self.refuse(error, message.address, origin)
        except RtraveError as error:
            self.refuse(ControlError("denied", str(error)), message.address, origin)
        except Exception:
            self._counts.note_fault()
            fault = ControlError("busy", "a fault of the program, not of the message")
            self.refuse(fault, message.address, origin)
        else:
            self._burst.note(message.address, written, origin.source)

    def refuse(self, error: ControlError, address: str, origin: Origin) -> None:
        """Count a refused message and answer it by `/rtrave/error`: address, code, argument, text."""
        self._counts.refused[error.code] += 1
        if self._replies.room(origin, self._monotonic_s()):
            facts = (address[:MAX_SHOWN], error.code, error.argument, str(error)[:MAX_SHOWN])
            self._replies.add(origin, "/rtrave/error", "ssis", facts)

    def _perform(self, message: Message, origin: Origin) -> Written | None:
        """Do one message; return what it wrote where it may have changed controls.

        RtraveError where it is refused: nothing was done.
        """
        address, arguments = message.address, message.arguments
        controls = self._controls
        parameter = controls.parameters.get(address)
        if controls.has_value(address) or controls.is_trigger(address):
            if arguments or not controls.has_value(address):
                return controls.set(address, arguments)
            self._answer([address], origin)
        elif parameter is None:
            return self._perform_unlisted(address, arguments, origin)
        elif parameter.kind is ParameterKind.ACTION:
            return self._act(parameter, arguments, origin)
        elif arguments:
            raise ControlError("denied", f"{address} can only be read: send it without arguments", 0)
        else:
            self._answer([address], origin)
        return None

    def _perform_unlisted(self, address: str, arguments: tuple[object, ...], origin: Origin) -> Written | None:
        """Do a message to an address that the table does not list: an alias, a pattern, or a mistake."""
        if arguments or not is_pattern(address):
            return self._controls.set(address, arguments)
        matched = self._controls.match(address)
        readable = [a for a in matched if self._values.readable(a)]
        if not readable:
            raise ControlError("denied", f"nothing that {address[:60]!r} matches can be read")
        self._answer(readable, origin)
        return None

    def _answer(self, addresses: list[str], origin: Origin) -> None:
        """Reply with values, as many as the limits allow."""
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


def _check_mark(text: str) -> None:
    if not (len(text) <= MAX_MARK and text.isprintable()):
        expected = f"at most {MAX_MARK} printable characters"
        raise ControlError("bad-name", f"argument 0: expected {expected}, got {len(text)}: {text[:40]!r}", 0)
