"""One codec for the messages between the two processes: a record of `rtrave.ipc.messages` to a JSON line and back."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

import msgspec

from rtrave.errors import RtraveError
from rtrave.ipc.messages import Command, Event


def _plain(value: Any) -> str:
    """Encode what JSON has no type for."""
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"a message holds no {type(value).__name__}")


def _typed(kind: type, value: Any) -> Any:
    """Decode what JSON has no type for."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"Expected a path, got {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command, dec_hook=_typed)
_events: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event, dec_hook=_typed)


def encode(message: Command | Event) -> bytes:
    """Encode a message as one line of JSON, with its end of line."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes | str) -> Command:
    """Decode one line; RtraveError, one line of text, where it is no command."""
    return _decode(_commands, "command", line)


def decode_event(line: bytes | str) -> Event:
    """Decode one line; RtraveError, one line of text, where it is no event."""
    return _decode(_events, "event", line)


def _decode(decoder: msgspec.json.Decoder[Any], what: str, line: bytes | str) -> Any:
    try:
        return decoder.decode(line)
    except msgspec.DecodeError as error:  # bad JSON, or JSON of another shape
        text = line if isinstance(line, str) else line.decode(errors="replace")
        raise RtraveError(
            f"expected a {what} of rtrave.ipc.messages, got {text.strip()[:80]!r}: mend the line: {error}"
        ) from error
