"""The audio process starts, plays, says what it does, and ends on a word, on a hang-up, or with one line of error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rtrave.ipc.shared_memory import Shared, SharedSpec
from tests.audio.fake import FakeEngine
from tests.audio.jack import AudioProcess, wait_until


@pytest.fixture
def shared(shared_for) -> Shared:
    return shared_for(FakeEngine())


@pytest.fixture
def start(shared: Shared, tmp_path: Path) -> Iterator[Callable[..., AudioProcess]]:
    np.save(tmp_path / "in.npy", np.random.default_rng(6).standard_normal((10007, 1)).astype(np.float32))
    made = []

    def one(**config) -> AudioProcess:
        made.append(AudioProcess(shared, **({"device": {"null": str(tmp_path / "in.npy")}} | config)))
        return made[-1]

    yield one
    for process in made:
        process.end()


def test_a_run_from_start_to_stop(start, shared: Shared, tmp_path: Path) -> None:
    vector = FakeEngine().layout.defaults()
    vector[0] = 2.5
    shared.controls.write(vector)
    process = start(first_latent_frame=40)
    told = process.hear()
    assert told["event"] == "started"
    assert (told["buffering"], told["block"], told["buffering_samples"]) == ("direct", 2048, 0)
    assert (told["sample_rate"], told["hop"], told["input"]) == (44100, 2048, "null: in.npy")
    wait_until(lambda: shared.hops.waiting() >= 6, 5, "six hops")
    os.kill(process.pid, signal.SIGINT)  # the parent decides, not the terminal
    process.send({"command": "dance"})
    assert process.hear()["event"] == "refused"
    before = shared.status.get("hops")
    wait_until(lambda: shared.status.get("hops") > before + 1, 5, "more hops")
    process.send({"command": "stop"})
    assert process.hear() == {"event": "stopped"} and process.wait() == 0
    frames = shared.hops.read()[:, 0]
    assert frames.tolist() == list(range(40, 40 + len(frames)))
    source = np.load(tmp_path / "in.npy")
    audio = shared.audio.read()
    expected = np.resize(source, (len(audio), 1))[:, 0]
    np.testing.assert_array_equal(audio[:, 0], expected)
    np.testing.assert_array_equal(audio[:, 1], expected)
    first = shared.controls_log.read()[0]
    assert first[:3].tolist() == [40, 1, 2.5]
    assert time.monotonic() - shared.status.get("heartbeat_s") < 5


def test_threaded_on_the_null_device(start, shared: Shared) -> None:
    told = start(buffering="low-latency", block_size=256, margin_ms=30).hear()
    assert (told["buffering"], told["block"], told["buffering_samples"]) == ("low-latency", 256, 2048 + 5 * 256)
    assert told["margin_s"] == 0.03 and told["granted_s"] == 6 * 256 / 44100
    wait_until(lambda: shared.status.get("hops") >= 4, 5, "four hops")
    status = shared.status.as_dict()
    assert status["late_hops"] == 0 and status["engine_errors"] == 0


def test_it_ends_when_the_parent_is_gone(start) -> None:
    process = start()
    process.hear()
    process.hang_up()
    assert process.wait(5) == 0


def test_killed_and_started_again_it_goes_on_with_controls_and_counters(start, shared: Shared) -> None:
    vector = FakeEngine().layout.defaults()
    vector[1] = 0.25
    shared.controls.write(vector)
    process = start()
    process.hear()
    wait_until(lambda: shared.status.get("hops") >= 3, 5, "three hops")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    at, callbacks = int(shared.status.get("latent_frame")), shared.status.get("callbacks")
    shared.controls_log.read()
    start(first_latent_frame=at).hear()
    wait_until(lambda: shared.status.get("latent_frame") >= at + 3, 5, "three more hops")
    assert shared.controls_log.read()[0][[0, 3]].tolist() == [at, 0.25]
    frames = shared.hops.read()[:, 0]
    assert frames.tolist() == list(range(len(frames)))
    assert shared.status.get("callbacks") > callbacks and shared.status.get("stalls") == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"device": {"null": "/nowhere/in.npy"}}, "cannot read the input '/nowhere/in.npy'"),
        ({"buffering": "warp"}, "buffering 'warp' is unknown"),
        ({"late": "panic"}, "late policy 'panic' is unknown: use hold, dry, silence"),
        ({"margin_ms": 0}, "margin of 0 ms: give more than 0, at most 1000"),
        ({"input_channels": [[3]]}, "no input channel 3"),
        ({"tempo": 120}, "unknown configuration tempo"),
        ({"graph": "nonsense"}, "the audio process failed: ValueError"),
        ({"shared": {"path": "/nowhere", "spec": asdict(SharedSpec(1, 3, 1, 9))}}, "shared memory '/nowhere'"),
        ({"shared": {"path": "/nowhere"}}, "the audio process failed: KeyError"),
    ],
)
def test_what_cannot_start_is_one_line_and_exit_1(start, config: dict, said: str) -> None:
    process = start(**config)
    told = process.hear()
    assert told["event"] == "error" and said in told["message"] and "\n" not in told["message"]
    assert process.wait() == 1


def test_a_line_that_is_not_json_is_an_error_line_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rtrave.audio.process"], input="hello\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert '"event": "error"' in done.stdout and "not JSON" in done.stdout


@pytest.mark.parametrize("buffering", ["direct", "low-latency"])
def test_another_model_is_loaded_while_it_plays(start, shared: Shared, buffering: str) -> None:
    process = start(buffering=buffering)
    process.hear()
    for graph in ("1", "2", "0", "0.5", "1"):  # milliseconds of a hop; more than are kept
        process.send({"command": "load", "graph": graph, "fade_ms": 20})
        told = process.hear()
        assert (told["event"], told["graph"]) == ("loaded", graph), told
        assert told["hop"] == 2048 and told["buffering"] == buffering
    process.send({"command": "load", "graph": "nonsense"})
    told = process.hear()
    assert told["event"] == "load-failed" and "ValueError" in told["message"]
    before = shared.status.get("hops")
    wait_until(lambda: shared.status.get("hops") > before + 2, 5, "more hops")
    process.send({"command": "stop"})
    assert process.hear() == {"event": "stopped"} and process.wait() == 0
    status = shared.status.as_dict()
    assert status["late_hops"] == status["engine_errors"] == status["callback_errors"] == 0
    frames = shared.hops.read()[:, 0]
    np.testing.assert_array_equal(frames, np.arange(len(frames)))


def test_a_model_of_another_shape_brings_its_own_memory(start, shared: Shared, shared_for) -> None:
    process = start()
    process.hear()
    wait_until(lambda: shared.status.get("hops") > 2, 5, "some hops")
    other = shared_for(FakeEngine(hop=128, dims=5))
    process.send({"command": "load", "graph": "128x5", "fade_ms": 10})
    assert "was made for" in process.hear()["message"]
    section = {"path": str(other.path), "spec": asdict(other.spec)}
    process.send({"command": "load", "graph": "128x5", "fade_ms": 10, "shared": section})
    told = process.hear()
    assert (told["event"], told["hop"]) == ("loaded", 128), told
    wait_until(lambda: other.status.get("hops") > 100, 5, "a hundred short hops")
    assert other.status.get("callbacks") >= shared.status.get("callbacks")
    assert time.monotonic() - other.status.get("heartbeat_s") < 1
    assert other.hops.read().shape[1] == other.spec.hop_width
