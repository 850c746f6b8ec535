"""The round trip of an impulse, measured by another JACK client, beside that of nn~.

`pytest -s` prints the numbers of docs/latency.md.
"""

import json

import numpy as np
import pytest

from tests.audio.jack import RATE, best_of_three, jack_server, source_and_result, undisturbed
from tests.player.running import live_process

BLOCK, HOP = 256, 2048
EVERY = 11025  # samples between impulses: more than the longest way
SECONDS = 5


def impulses():
    """Single samples, each of another height, at no round places."""
    x = np.zeros((SECONDS + 1) * RATE, np.float32)
    places = np.arange(1, len(x) // EVERY) * EVERY + np.random.default_rng(0).integers(0, 4000, len(x) // EVERY - 1)
    x[places] = 0.3 + 0.02 * np.arange(len(places))
    return x


def ways(result):
    """Samples from each impulse in the first channel to the same height in the second."""
    for place in np.flatnonzero(result[:-EVERY, 0] > 0.25):
        after = result[place : place + EVERY, 1]
        found = np.flatnonzero(np.abs(after - result[place, 0]) < 1e-6)
        if len(found):
            yield int(found[0])


def nn_tilde(ratio, vector):
    """What nn~'s double buffering costs: its buffer is a power of two, at least the ratio."""
    return 2 * (1 << (ratio - 1).bit_length()) - vector


@pytest.mark.timeout(120)
def test_low_latency_within_a_hop_and_16_ms(tmp_path):
    def run(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        measure(folder)

    best_of_three(run)


def measure(folder):
    options = ("--buffering", "low-latency", "--set", "/rtrave/bypass=1", "--fresh", "--record")
    options += ("--sessions-dir", folder / "takes")
    with jack_server(folder, BLOCK) as server, live_process(*options, env=server.environment) as live:
        live.port()
        missed = server.not_finished()
        result = source_and_result(server, folder, impulses(), SECONDS)
        whole = server.not_finished() == missed
        assert live.finish() == 0, live.text
        whole &= "hops; late 0, stalls 0, restarts 0" in live.text
        header = live.session().header
    found = list(ways(result))
    terms = header["latency_samples"]
    reported = sum(terms[name] for name in ("device", "buffering", "resampler", "limiter", "acoustic"))
    bound = HOP + 0.016 * RATE + terms["acoustic"] + terms["device"]
    theirs = nn_tilde(HOP, BLOCK) + terms["acoustic"]
    print(json.dumps({"measured": found, "terms": terms, "reported": reported, "bound": bound, "nn~": theirs}))
    undisturbed(whole or (len(found) >= 5 and len(set(found)) == 1), f"missed periods: {live.text[-300:]}")
    assert len(found) >= 5 and len(set(found)) == 1
    assert abs(found[0] - reported) <= BLOCK
    assert found[0] < bound
    assert found[0] < theirs
