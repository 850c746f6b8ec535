"""Every message comes through the codec unchanged; a line that is no message is one line of error."""

from pathlib import Path

import pytest

from rtrave.errors import RtraveError
from rtrave.ipc.codec import decode_command, decode_event, encode
from rtrave.ipc.messages import (
    Clips,
    Failed,
    FailureCode,
    Load,
    Loaded,
    LoadFailed,
    Refused,
    Start,
    Started,
    Stop,
    Stopped,
)
from rtrave.ipc.options import BufferingMode, LatePolicy, NullDevice, RunOptions, SoundCard
from rtrave.ipc.shared_spec import SharedSection, SharedSpec
from tests.player.devices import CARD, NULL_DEVICE

SECTION = SharedSection(Path("/dev/shm/rtrave-x.shared"), SharedSpec(2, 16, 1, 340, second=2))
EVERYTHING = RunOptions(
    device=SoundCard(3, "Scarlett, ALSA"),
    null=NullDevice(Path("/tmp/größe.npy"), 48000),
    seed=7,
    threads=2,
    buffering=BufferingMode.LOW_LATENCY,
    block_size=441,
    latency=0.1,
    host_settings={"exclusive": True, "channel_selectors": (2, 3), "conversion_quality": "max", "rate": 1},
    margin_ms=16.5,
    late=LatePolicy.DRY,
    input_channels=((0, 1), (3,)),
    output_channels=((0,), (1,)),
    second_input=((2,),),
)
COMMANDS = [
    Start(EVERYTHING, Path("/cache/graph"), SECTION, 3, 12345678, (Path("/tmp/a clip.npy"),), True),
    Start(RunOptions(None), Path("/cache/graph"), SECTION),
    Load(Path("/cache/other"), 4, 100.0, SECTION),
    Load(Path("/cache/other"), 4, 0.5),
    Clips(()),
    Clips((Path("/tmp/1.npy"), Path("/tmp/2.npy"))),
    Stop(),
]
EVENTS = [
    Started(CARD),
    Started(NULL_DEVICE),
    Loaded(Path("/cache/other"), CARD),
    LoadFailed(Path("/cache/other"), "no memory"),
    Failed(FailureCode.NO_DEVICE, "no sound card"),
    Refused("no such command"),
    Stopped(),
]


@pytest.mark.parametrize("message", COMMANDS, ids=repr)
def test_commands(message):
    line = encode(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode_command(line) == message
    with pytest.raises(RtraveError):
        decode_event(line)


@pytest.mark.parametrize("message", EVENTS, ids=repr)
def test_events(message):
    line = encode(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode_event(line) == message
    with pytest.raises(RtraveError):
        decode_command(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"a library's own print\n",
        b"\xff\xfe",
        b"[]",
        b'{"command": "dance"}',
        b'{"command": "stop", "tempo": 120}',
        b'{"command": "clips"}',
        b'{"command": "clips", "paths": [3]}',
        b'{"command": "load", "graph": "x", "model_index": "1", "fade_ms": 1}',
        encode(COMMANDS[0]).replace(b'"low-latency"', b'"warp"'),
        encode(COMMANDS[0]).replace(b'"seed":7', b'"seed":7.5'),
        encode(COMMANDS[0]).replace(b'"late":"dry"', b'"late":"panic"'),
    ],
)
def test_a_line_that_is_no_command_is_refused_in_one_line(line):
    with pytest.raises(RtraveError, match="expected a command") as refused:
        decode_command(line)
    assert "\n" not in str(refused.value)


# The keys of `device` in session.json, as version 1 of the format has them.
KEYS = [
    "sample_rate", "hop", "nice", "realtime", "memory_locked", "block", "buffering", "reason", "buffering_samples",
    "granted_s", "margin_s", "compute_s", "late", "device_rate", "limiter_samples", "resampler_s", "input", "output",
    "host_api", "found_by", "latency_asked", "host_period", "host_samples", "input_latency_s", "output_latency_s",
    "input_channels", "second_input", "output_channels",
]  # fmt: skip


def test_the_facts_of_a_device_keep_their_json():
    assert list(CARD.to_json()) == KEYS
    assert list(NULL_DEVICE.to_json()) == [key for key in KEYS if key not in ("found_by", "latency_asked")]
