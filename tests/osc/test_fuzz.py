"""20,000 mutated packets: no uncaught error, finite controls in their ranges, and the counters add up."""

import random
import struct
from collections.abc import Callable

import numpy as np
import pytest
from pythonosc import osc_message
from pythonosc.parsing import osc_types

from rtrave.control.table import TABLE
from rtrave.osc import packets
from tests.osc.rig import Rig, adds_up, bundle, message

PACKETS = 20_000


def seeds(rng: random.Random) -> list[bytes]:
    """Return valid packets to start from: every address of the table, patterns, bundles."""
    made = []
    for p in TABLE:
        address = p.address.replace("<n>", str(rng.randrange(4)))
        made.append(message(address))
        made += [message(address, "f", rng.uniform(-6, 6)), message(address, "i", rng.randrange(3))]
        made.append(message(address, "s", rng.choice(["1", "full", "take-1", "x" * 70])))
        made.append(message(address, "f", *[rng.random() for _ in range(4)]))
    made += [
        message("/rtrave/latent/*/{scale,bias}", "f", 1.5),
        message("/rtrave/*"),
        message("/rtrave/norm/mix"),
    ]
    made += [bundle(*rng.sample(made, 3), unix_s=1_800_000_000.0 + rng.uniform(-1, 3)) for _ in range(20)]
    return made + [bundle(rng.choice(made), bundle(*rng.sample(made, 2))) for _ in range(20)]


def mutate(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at:at] = rng.choice(
                [b"\0\0\0\0", b"*", b"{a,", b"[", b"\xff\xff\xff\xfc", b"#bundle\0", b"\x7f\xc0\0\0"]
            )
        elif kind == 2:
            del changed[at : at + rng.choice([1, 4, 8])]
        elif kind == 3 and at + 4 <= len(changed):
            changed[at : at + 4] = struct.pack(">i", rng.choice([-4, 0, 4, 2**31 - 1, -(2**31), 0x7FC00000, 20]))
        elif kind == 4 and b"," in changed:
            comma = changed.index(b",")
            changed[comma + 1 : comma + 2] = rng.choice([b"c", b"S", b"b", b"T", b"d", b"h", b"N", b"I", b"[", b"t"])
        elif kind == 5:
            changed[at:] = b""
    return bytes(changed)


def fuzz(rig: Rig, count: int, seed: int) -> None:
    rng = random.Random(seed)
    peers = [rig.peer().source for _ in range(3)]
    start = seeds(rng)
    for k in range(count):
        rig.server.handle(mutate(rng.choice(start), rng), rng.choice(peers))
        if k % 16 == 15:
            rig.clock.now_s += rng.choice([0.0, 0.001, 0.05])
            rig.server.finish_burst()
            rig.server.tick()
            assert adds_up(rig.server)
    rig.server.finish_burst()


def test_mutated_packets(make_rig: Callable[..., Rig]) -> None:
    taken: list[tuple[str, ...]] = []
    rig = make_rig(
        actions={f"/rtrave/record/{k}": lambda *a: taken.append(a) for k in ("start", "stop", "mark")},
        readers={
            "/rtrave/status": lambda: (0, 0.1, 90.0, 7),
            "/rtrave/latent/<n>/in": lambda: (0.0, 1.0, 2.0, 3.0),
        },
    )
    fuzz(rig, PACKETS, seed=13)
    counts = rig.server.counts
    assert counts.packets == PACKETS and counts.faults == 0, counts.last_fault
    assert adds_up(rig.server)
    assert counts.accepted > 1000 and counts.coalesced > 3 and counts.published > 100
    codes = {
        "unknown-address",
        "bad-type",
        "bad-count",
        "not-finite",
        "out-of-range",
        "bad-name",
        "denied",
        "late",
    }
    assert set(counts.refused) == codes
    layout = rig.controls.layout
    low = [p.hard_low for p in layout.parameters]
    high = [p.hard_high for p in layout.parameters]
    for values in rig.published:
        assert np.isfinite(values).all() and (values >= low).all() and (values <= high).all()
    assert all(len(a) <= 1 and all(isinstance(x, str) for x in a) for a in taken)


def test_the_fuzz_finds_a_server_without_the_framing_check(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "check_message", lambda data: None)
    with pytest.raises((osc_message.ParseError, osc_types.ParseError, UnicodeDecodeError)):
        fuzz(rig, 2000, seed=11)
