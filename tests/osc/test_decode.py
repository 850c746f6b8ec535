"""Decoding and packing return the messages that python-osc encoded."""

import random
import struct

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from rtrave.osc.packets import Message, decode_packet, group, join
from tests.osc.rig import bundle, message, read


@pytest.mark.parametrize("seed", range(20))
def test_random_messages(seed: int) -> None:
    rng = random.Random(seed)
    make = {
        "i": lambda: rng.randrange(-(2**31), 2**31),
        "h": lambda: rng.randrange(-(2**63), 2**63),
        "f": lambda: struct.unpack(">f", struct.pack(">f", rng.gauss(0, 1)))[0],
        "d": lambda: rng.gauss(0, 1),
        "s": lambda: "".join(rng.choices("aé~ 漢", k=rng.randrange(9))),
        "b": lambda: rng.randbytes(rng.randrange(1, 9)),
        "T": lambda: True,
        "F": lambda: False,
        "N": lambda: None,
    }
    types = rng.choices(list(make), k=rng.randrange(12))
    arguments = tuple(make[t]() for t in types)
    builder = OscMessageBuilder("/a/" + "x" * rng.randrange(9))
    for t, a in zip(types, arguments, strict=True):
        builder.add_arg(a, t)
    data = builder.build().dgram
    assert decode_packet(data) == [Message(builder.address, arguments, 1)]
    assert decode_packet(bundle(data, bundle(data))) == 2 * [Message(builder.address, arguments, 1)]


def test_no_type_tags_is_no_arguments() -> None:
    assert decode_packet(b"/abc\0\0\0\0") == [Message("/abc", (), 1)]


def test_an_empty_bundle_has_no_messages() -> None:
    assert decode_packet(bundle()) == []


def test_the_latest_time_tag_around_a_message_counts() -> None:
    inner = bundle(message("/a"), unix_s=10.0)
    outer = bundle(inner, message("/b"), bundle(message("/c")), unix_s=5.0)
    a, b, c = decode_packet(outer)
    assert a.time_tag - b.time_tag == 5 << 32 and b.time_tag == c.time_tag


def test_limits_are_inclusive() -> None:
    assert len(decode_packet(bundle(*[b"/*\0\0"] * 64))) == 64
    most = bundle(*[b"/a\0\0"] * 1024)
    assert len(decode_packet(most)) == 1024
    nested = b"/a\0\0"
    for _ in range(4):
        nested = bundle(nested)
    assert len(decode_packet(nested)) == 1
    assert len(decode_packet(message("/a", "i", *range(1024)))[0].arguments) == 1024
    assert decode_packet(message("/" + "a" * 254))[0].address == "/" + "a" * 254


@pytest.mark.parametrize("sizes", [[], [4], [1400], [2000], [700, 680, 4], [8] * 500, [4, 1400, 4]])
def test_packed_messages_come_out_in_order_and_small(sizes: list[int]) -> None:
    messages = [(b"/" + bytes([97 + k % 26]) * (size - 4)).ljust(size, b"\0") for k, size in enumerate(sizes)]
    datagrams = [join(g) for g in group(messages)]
    assert all(len(d) <= 1400 or d in messages for d in datagrams)
    assert [one for d in datagrams for one in read(d)] == [one for m in messages for one in read(m)]
