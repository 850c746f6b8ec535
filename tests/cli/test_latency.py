"""`rtrave latency` measures the reported latency: on the null device to the sample, over JACK within a block."""

import json

import numpy as np
import pytest

from rtrave.audio.round_trip import RoundTrip, find_delay
from rtrave.cli.latency import compared, in_words
from tests.audio.jack import best_of_three, jack_server, undisturbed
from tests.player.devices import CARD
from tests.player.running import rtrave


def latency(*arguments, **more):
    done = rtrave("latency", "--json", *arguments, **more)
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


@pytest.mark.parametrize(
    "arguments",
    [(), ("--buffering", "low-latency", "--block-size", 441)],
)
def test_null_device_to_the_sample(arguments):
    found, code = latency("--device", "null", *arguments)
    assert code == 0 and found["agrees"]
    assert abs(found["difference_ms"]) < 0.001
    assert found["terms_ms"]["limiter"] > 1 and found["terms_ms"]["model"] > 40


@pytest.mark.parametrize(("rate", "period"), [(44100, 2048), (48000, 256)])
def test_jack_within_a_block(tmp_path, rate, period):
    def run(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with jack_server(folder, period, rate) as server:
            found, code = latency("--device", "JACK", env=server.environment)
            undisturbed(found["agrees"] or server.not_finished() == 0, "the server missed periods of the measurement")
        assert found["loop"].startswith("JACK")
        assert found["agrees"] and code == 0, found
        assert abs(found["difference_ms"]) < 0.2

    best_of_three(run)


@pytest.mark.parametrize("delay", [0, 1, 17, 2049, 60000])
def test_a_delay_is_found_in_noise_and_at_low_level(delay):
    rng = np.random.default_rng(delay)
    noise = np.zeros(131072, np.float32)
    noise[:20000] = 0.1 * rng.uniform(-1, 1, 20000)
    received = 1e-4 * rng.standard_normal(len(noise))
    received[delay : delay + 20000] -= 0.01 * noise[:20000]
    assert find_delay(noise, received.astype(np.float32)) == delay


def test_where_nothing_comes_back_nothing_is_found():
    rng = np.random.default_rng(0)
    noise = np.zeros(131072, np.float32)
    noise[:20000] = 0.1 * rng.uniform(-1, 1, 20000)
    assert find_delay(noise, np.zeros_like(noise)) is None
    assert find_delay(noise, (0.01 * rng.standard_normal(len(noise))).astype(np.float32)) is None
    found = compared(RoundTrip(None, "cable", CARD), {"model": 100.0})
    assert not found.agrees and found.difference_ms is None
    assert "nothing came back" in in_words(found)


@pytest.mark.parametrize(
    ("measured_ms", "agrees"), [(100.0, True), (105.7, True), (94.3, True), (106.0, False), (93.9, False)]
)
def test_a_wrong_report_is_found(measured_ms, agrees):
    found = compared(RoundTrip(measured_ms / 1000, "cable", CARD), {"device": 40.0, "model": 60.0})
    assert found.agrees == agrees
    assert ("NOT as reported" in in_words(found)) != agrees
