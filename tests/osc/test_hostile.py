"""Named hostile packets: the server refuses each with its code, quickly, changes nothing, and continues."""

import struct
import time

import numpy as np
import pytest

from tests.osc.rig import Peer, Rig, adds_up, bundle, message

SCALE = "/rtrave/latent/0/scale"
HEAD = b"#bundle\0" + struct.pack(">Q", 1)


def raw(address: bytes, tags: bytes, arguments: bytes = b"") -> bytes:
    return b"".join(s + b"\0" * (4 - len(s) % 4) for s in (address, tags)) + arguments


def nested(depth: int) -> bytes:
    packet = message(SCALE, "f", 2.0)
    for _ in range(depth):
        packet = bundle(packet)
    return packet


HOSTILE = {
    "element size -4": (HEAD + struct.pack(">i", -4), "bad-type"),
    "element size 0": (HEAD + struct.pack(">i", 0), "bad-type"),
    "element size 6": (HEAD + struct.pack(">i", 6) + b"/abc\0\0\0\0", "bad-type"),
    "element beyond the packet": (HEAD + struct.pack(">i", 64) + b"/abc\0\0\0\0", "bad-type"),
    "element size 2**31-1": (HEAD + struct.pack(">i", 2**31 - 1) + b"/abc\0\0\0\0", "bad-type"),
    "tagged 2036": (bundle(message(SCALE, "f", 2.0), unix_s=2_085_978_496.0 - 1), "late"),
    "last possible time tag": (b"#bundle\0" + b"\xff" * 8 + struct.pack(">i", 4) + b"/a\0\0", "late"),
    "22 stars": (raw(b"/" + b"*" * 22 + b"~", b",f", b"\0\0\0\0"), "unknown-address"),
    "22 stars, asked": (raw(b"/" + b"*" * 22 + b"~", b","), "unknown-address"),
    "pattern of 256": (raw(b"/" + b"*" * 255, b",f", b"\0\0\0\0"), "bad-name"),
    "address not UTF-8": (raw(b"/\xff\xfe", b",f", b"\0\0\0\0"), "bad-type"),
    "string not UTF-8": (raw(SCALE.encode(), b",s", b"\xc3\x28\0\0"), "bad-type"),
    "tags not UTF-8": (raw(SCALE.encode(), b",\xff"), "bad-type"),
    "3000 deep": (nested(3000), "bad-count"),
    "5 deep": (nested(5), "bad-count"),
    "tag c": (raw(SCALE.encode(), b",cf", struct.pack(">if", 99, 2.0)), "bad-type"),
    "tag S": (raw(SCALE.encode(), b",Sf", b"abc\0" + struct.pack(">f", 2.0)), "bad-type"),
    "tag m": (raw(SCALE.encode(), b",m", b"\0\0\0\0"), "bad-type"),
    "tag r": (raw(SCALE.encode(), b",r", b"\0\0\0\2"), "bad-type"),
    "arrays": (raw(SCALE.encode(), b",[[[f]]]", struct.pack(">f", 2.0)), "bad-type"),
    "NaN": (raw(SCALE.encode(), b",f", b"\x7f\xc0\0\0"), "not-finite"),
    "infinity as double": (raw(SCALE.encode(), b",d", struct.pack(">d", float("inf"))), "not-finite"),
    "NaN in words": (message(SCALE, "s", "nan"), "not-finite"),
    "blob length -4": (raw(SCALE.encode(), b",b", struct.pack(">i", -4)), "bad-type"),
    "blob beyond the packet": (raw(SCALE.encode(), b",b", struct.pack(">i", 8) + b"\0\0\0\0"), "bad-type"),
    "blob": (raw(SCALE.encode(), b",b", struct.pack(">i", 4) + b"\0\0\0\0"), "bad-type"),
    "string not terminated": (raw(SCALE.encode(), b",s", b"abcd"), "bad-type"),
    "address not terminated": (b"/abc", "bad-type"),
    "argument missing": (raw(SCALE.encode(), b",f"), "bad-type"),
    "argument cut": (raw(SCALE.encode(), b",d", b"\0\0\0\0"), "bad-type"),
    "too many bytes": (raw(SCALE.encode(), b",f", struct.pack(">ff", 2.0, 2.0)), "bad-type"),
    "no comma": (raw(SCALE.encode(), b"f", struct.pack(">f", 2.0)), "bad-type"),
    "empty": (b"", "bad-type"),
    "3 bytes": (b"/a\0", "bad-type"),
    "no slash": (b"abc\0", "bad-type"),
    "zeros": (bytes(1024), "bad-type"),
    "bundle without time": (b"#bundle\0", "bad-type"),
    "largest address": (raw(b"/" + b"a" * 65000, b","), "bad-name"),
    "largest string": (raw(SCALE.encode(), b",s", b"a" * 64000 + bytes(4)), "bad-name"),
    "13000 arguments": (raw(SCALE.encode(), b"," + b"i" * 13000, bytes(52000)), "bad-count"),
    "3000 messages": (bundle(*[b"/rtrave/ping\0\0\0\0"] * 3000), "bad-count"),
    "65 patterns": (bundle(*[message("/rtrave/latent/*/*", "f", 1.0)] * 65), "bad-count"),
    "a path": (message("/rtrave/record/start", "s", "../../etc/passwd"), "bad-name"),
    "good element, then a broken one": (
        bundle(message(SCALE, "f", 2.0)) + struct.pack(">i", -4),
        "bad-type",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_harmless(rig: Rig, peer: Peer, name: str) -> None:
    packet, code = HOSTILE[name]
    before = rig.controls.values.copy()
    start_s = time.thread_time()
    peer.send(packet)
    assert time.thread_time() - start_s < 0.05
    np.testing.assert_array_equal(rig.controls.values, before)
    assert rig.published == []
    assert set(rig.server.counts.refused) == {code}
    assert rig.server.counts.faults == 0 and adds_up(rig.server)
    received = peer.received()
    assert [one[0] for one in received] == ["/rtrave/error"] and received[0][2] == code
    peer.send(message(SCALE, "f", 3.0))
    assert rig.controls.get(SCALE) == (3.0,)
