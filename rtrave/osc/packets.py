"""OSC packets as bytes: a framing check in front of python-osc's message decoder, and encoding.

python-osc trusts lengths and skips unknown type tags, so that nothing may reach it unchecked. These are pure functions
without recursion deeper than `MAX_NESTING`; any thread may call them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from rtrave.control.parameter import Value
from rtrave.control.pattern import is_pattern
from rtrave.errors import ControlError

IMMEDIATELY = 1
MAX_NESTING = 4
MAX_MESSAGES = 1024
MAX_PATTERNS = 64  # in one packet: each may address every control, and nothing interrupts a packet
MAX_ARGUMENTS = 1024
MAX_ADDRESS = 255
MAX_STRING = 1024
DATAGRAM_BYTES = 1400
NTP_TO_UNIX_S = 2_208_988_800
BUNDLE = b"#bundle\0"

_FIXED = {"i": 4, "f": 4, "h": 8, "d": 8, "T": 0, "F": 0, "N": 0}


@dataclass(frozen=True, slots=True)
class Message:
    """One decoded message.

    Parameters
    ----------
    address : str
        Address or pattern, starts with "/".
    arguments : tuple
        int, float, bool, str, bytes (a blob) or None (nil).
    time_tag : int
        NTP time, 32.32 fixed point, the latest of the bundles around the message; 1 is immediately.
    """

    address: str
    arguments: tuple[object, ...]
    time_tag: int = IMMEDIATELY


class PacketError(ControlError):
    """A packet that is not valid OSC, or that exceeds the limits of rtrave. Nothing of it is used.

    Parameters
    ----------
    code : str
        `bad-type`, `bad-count` or `bad-name`.
    text : str
        One line.
    address : str
        Address of the message at fault, "" where the error comes before it.
    """

    def __init__(self, code: str, text: str, address: str = "") -> None:
        super().__init__(code, text)
        self.address = address


def decode_packet(data: bytes) -> list[Message]:
    """Decode one datagram, a message or a bundle of them.

    Parameters
    ----------
    data : bytes
        A datagram of any content and length.

    Returns
    -------
    list of Message
        In the order of the packet; empty for a bundle without elements. At most 1,024.

    Raises
    ------
    PacketError
        `bad-type` for lengths that do not fit, an unknown type tag, a string that is not terminated or not
        UTF-8; `bad-name` for a string that is too long; `bad-count` for too many messages, patterns, arguments or
        nested bundles.
    """
    messages: list[Message] = []
    patterns = 0
    for part, time_tag in _elements(data, IMMEDIATELY, 0):
        if len(messages) == MAX_MESSAGES:
            raise PacketError("bad-count", f"bundle: expected at most {MAX_MESSAGES} messages, got more")
        check_message(part)
        decoded = OscMessage(part)
        patterns += is_pattern(decoded.address)
        if patterns > MAX_PATTERNS:
            raise PacketError(
                "bad-count", f"bundle: expected at most {MAX_PATTERNS} patterns, got more", decoded.address
            )
        messages.append(Message(decoded.address, tuple(decoded.params), time_tag))
    return messages


def _elements(data: bytes, time_tag: int, depth: int) -> Iterator[tuple[bytes, int]]:
    """Yield the messages of a packet as bytes, with their time tags, and check the framing of bundles."""
    if not data or len(data) % 4:
        raise PacketError("bad-type", f"packet: expected a multiple of 4 bytes, got {len(data)}")
    if not data.startswith(BUNDLE):
        yield data, time_tag
        return
    if depth == MAX_NESTING:
        raise PacketError("bad-count", f"bundles: expected at most {MAX_NESTING} inside each other, got more")
    if len(data) < 16:
        raise PacketError("bad-type", f"bundle: expected a time tag, got {len(data)} bytes")
    time_tag = max(time_tag, struct.unpack_from(">Q", data, 8)[0])
    here = 16
    while here < len(data):
        size = struct.unpack_from(">i", data, here)[0]
        here += 4
        if size <= 0 or size % 4 or size > len(data) - here:
            raise PacketError("bad-type", f"bundle element: expected at most {len(data) - here} bytes, got {size}")
        yield from _elements(data[here : here + size], time_tag, depth + 1)
        here += size


def check_message(data: bytes) -> None:
    """Check that the framing of a message fits its type tags, to the last byte.

    Raises
    ------
    PacketError
        As in `decode_packet`.
    """
    if not data.startswith(b"/"):
        raise PacketError("bad-type", "address: expected a leading /")
    address, here = _string(data, 0, MAX_ADDRESS, "")
    if here == len(data):
        return
    if data[here] != 0x2C:
        raise PacketError("bad-type", "type tags: expected a leading comma", address)
    tags, here = _string(data, here, MAX_ARGUMENTS + 1, address)
    for tag in tags[1:]:
        size = _FIXED.get(tag)
        if size is not None:
            here += size
        elif tag == "s":
            _, here = _string(data, here, MAX_STRING, address)
        elif tag == "b":
            here = _blob_end(data, here, address)
        else:
            raise PacketError("bad-type", f"type tags: expected i, f, d, h, s, b, T, F or N, got {tag!r}", address)
    if here != len(data):
        raise PacketError("bad-type", f"message: expected {here} bytes by its type tags, got {len(data)}", address)


def _string(data: bytes, start: int, most: int, address: str) -> tuple[str, int]:
    """Return a terminated, padded UTF-8 string and the start of the next item."""
    end = data.find(b"\0", start)
    after = end + 4 - (end - start) % 4
    if end < 0 or after > len(data):
        raise PacketError("bad-type", "string: expected a terminating zero", address)
    if end - start > most:
        code = "bad-count" if data[start] == 0x2C and address else "bad-name"
        raise PacketError(code, f"string: expected at most {most} bytes, got {end - start}", address)
    try:
        return data[start:end].decode("utf-8"), after
    except UnicodeDecodeError:
        raise PacketError("bad-type", "string: expected UTF-8", address) from None


def _blob_end(data: bytes, start: int, address: str) -> int:
    size = struct.unpack_from(">i", data, start)[0] if start + 4 <= len(data) else -1
    if not 0 <= size <= len(data) - start - 4:
        raise PacketError(
            "bad-type", f"blob: expected at most {max(len(data) - start - 4, 0)} bytes, got {size}", address
        )
    return start + 4 + size + (-size % 4)


def seconds_ahead(time_tag: int, unix_s: float) -> float:
    """Return how far an NTP time tag is ahead of a Unix time, in s; 0 for the past and for immediately."""
    if time_tag <= IMMEDIATELY:
        return 0.0
    return max(0.0, time_tag / 2**32 - NTP_TO_UNIX_S - unix_s)


def encode_message(address: str, types: str, arguments: Sequence[Value]) -> bytes:
    """Encode one message.

    Parameters
    ----------
    address : str
    types : str
        One OSC type letter for each argument; a single letter stands for all of them.
    arguments : sequence of int, float or str
    """
    builder = OscMessageBuilder(address)
    letters = types * len(arguments) if len(types) == 1 else types
    for letter, argument in zip(letters, arguments, strict=True):
        builder.add_arg(argument, letter)
    return builder.build().dgram


def group(messages: Iterable[bytes], most_bytes: int = DATAGRAM_BYTES) -> list[list[bytes]]:
    """Split encoded messages, in order, into groups that fit one datagram each; see `join`.

    Parameters
    ----------
    messages : iterable of bytes
    most_bytes : int
        Largest size of a bundle; a larger message is a group of its own.
    """
    groups: list[list[bytes]] = []
    size = most_bytes
    for message in messages:
        if size + 4 + len(message) > most_bytes:
            groups.append([])
            size = 16
        groups[-1].append(message)
        size += 4 + len(message)
    return groups


def join(messages: Sequence[bytes]) -> bytes:
    """Return one datagram: a single message as it is, several as an immediate bundle."""
    if len(messages) == 1:
        return messages[0]
    head = BUNDLE + struct.pack(">Q", IMMEDIATELY)
    return head + b"".join(struct.pack(">i", len(message)) + message for message in messages)
