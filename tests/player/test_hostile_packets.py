"""100,000 mutated packets, and the named hostile ones, at a live engine: the sound goes on, the counters add up."""

import random
import time

import numpy as np

from rtrave.session.reader import open_session, read_audio
from tests.osc.test_fuzz import mutate, seeds
from tests.osc.test_hostile import HOSTILE
from tests.player.running import Surface, live_run

PACKETS = 100_000
IN_FLIGHT = 200  # a packet may take 3 kB of the kernel's 1 MB
STUCK_S = 1.0


def send_paced(surface, packets, server):
    """Send packets no faster than the server counts them, so that they fit into the kernel's buffer."""
    for sent, packet in enumerate(packets):
        limit_s = time.monotonic() + STUCK_S
        while sent - server.counts.packets - server.stats()["lost"] >= IN_FLIGHT and time.monotonic() < limit_s:
            time.sleep(0.0005)
        surface.socket.send(packet)


def packets(rng):
    start = [packet for packet in seeds(rng) if b"/rtrave/record" not in packet]
    for _ in range(PACKETS - len(HOSTILE)):
        yield mutate(rng.choice(start), rng)
    yield from (packet for packet, _ in HOSTILE.values())


def settled(server):
    """Wait until everything sent has been handled."""
    before = -1
    while server.counts.packets != before:
        before = server.counts.packets
        time.sleep(0.2)


def test_the_engine_plays_on(tmp_path):
    with live_run(tmp_path) as run:
        surface = Surface(run.osc_port)
        time.sleep(0.5)
        send_paced(surface, packets(random.Random(5)), run.osc)
        settled(run.osc)
        counts, status = run.osc.stats(), run.view().counts
        refused = sum(counts["refused"].values())
        print(counts, status)
        assert counts["packets"] + counts["lost"] == PACKETS
        assert counts["lost"] < PACKETS / 100
        assert counts["faults"] == 0, run.osc.last_fault
        assert counts["received"] == counts["accepted"] + refused + counts["coalesced"] + counts["queued"]
        assert counts["accepted"] > 1000
        assert refused > 1000
        assert status["late_hops"] == status["engine_errors"] == status["nonfinite_out"] == 0
        assert status["audio_dropped"] == status["hops_dropped"] == status["controls_dropped"] == 0
        surface.send("/rtrave/latents/reset")
        surface.send("/rtrave/*", "f", 0.5)
        open_again = {"mix": 1.0, "out/gain": 0.0, "in/gain": 0.0, "in/gate": -90.0, "silence": 0.0, "freeze": 0.0}
        for address, value in open_again.items():
            surface.send(f"/rtrave/{address}", "f", value)
        surface.send("/rtrave/bypass", "i", 0)
        surface.send("/rtrave/panic")
        surface.send("/rtrave/ping")
        time.sleep(2)
        folder = run.take_folder
    y = read_audio(open_session(folder), "output")
    assert np.isfinite(y).all()
    assert np.abs(y[:, -44100:]).max() > 0.01
