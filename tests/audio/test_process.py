"""The audio process starts, plays, reports, and ends on a command, on a hang-up, or with one line of error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rtrave.ipc.codec import decode_event, encode
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
from rtrave.ipc.options import BufferingMode, NullDevice, RunOptions
from rtrave.ipc.shared_memory import Shared
from rtrave.ipc.shared_spec import SharedSection, SharedSpec
from tests.audio.fake import FakeEngine
from tests.audio.jack import AudioProcess, wait_until


@pytest.fixture
def shared(shared_for) -> Shared:
    return shared_for(FakeEngine())


@pytest.fixture
def start(shared: Shared, tmp_path: Path) -> Iterator[Callable[..., AudioProcess]]:
    np.save(tmp_path / "in.npy", np.random.default_rng(6).standard_normal((10007, 1)).astype(np.float32))
    made = []

    def one(**options) -> AudioProcess:
        made.append(AudioProcess(shared, **({"null": NullDevice(tmp_path / "in.npy")} | options)))
        return made[-1]

    yield one
    for process in made:
        process.end()


def test_a_run_from_start_to_stop(start, shared: Shared, tmp_path: Path) -> None:
    vector = FakeEngine().layout.defaults()
    vector[0] = 2.5
    shared.controls.write(vector)
    process = start(first_latent_frame=40)
    started = process.event()
    assert isinstance(started, Started)
    device = started.device
    assert (device.driver.buffering, device.driver.block, device.driver.buffering_samples) == ("direct", 2048, 0)
    assert (device.sample_rate, device.hop, device.ports.input) == (44100, 2048, "null: in.npy")
    wait_until(lambda: shared.hops.waiting() >= 6, 5, "six hops")
    os.kill(process.pid, signal.SIGINT)  # the parent decides, not the terminal
    for line in (b'{"command": "dance"}\n', b"hello\n", b"[]\n"):
        process.write(line)
        assert isinstance(process.event(), Refused)
    process.send(Clips((tmp_path / "none.npy",)))
    assert "none.npy" in process.event().message
    before = shared.status.get("hops")
    wait_until(lambda: shared.status.get("hops") > before + 1, 5, "more hops")
    process.send(Stop())
    assert process.event() == Stopped() and process.wait() == 0
    frames = shared.hops.read()["latent_frame"]
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
    driver = start(buffering=BufferingMode.LOW_LATENCY, block_size=256, margin_ms=30.0).event().device.driver
    assert (driver.buffering, driver.block, driver.buffering_samples) == ("low-latency", 256, 2048 + 5 * 256)
    assert driver.margin_s == 0.03 and driver.granted_s == 6 * 256 / 44100
    wait_until(lambda: shared.status.get("hops") >= 4, 5, "four hops")
    status = shared.status.as_dict()
    assert status["late_hops"] == 0 and status["engine_errors"] == 0


def test_it_ends_when_the_parent_is_gone(start) -> None:
    process = start()
    process.event()
    process.hang_up()
    assert process.wait(5) == 0


def test_killed_and_started_again_it_goes_on_with_controls_and_counters(start, shared: Shared) -> None:
    vector = FakeEngine().layout.defaults()
    vector[1] = 0.25
    shared.controls.write(vector)
    process = start()
    process.event()
    wait_until(lambda: shared.status.get("hops") >= 3, 5, "three hops")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    at, callbacks = int(shared.status.get("latent_frame")), shared.status.get("callbacks")
    shared.controls_log.read()
    start(first_latent_frame=at).event()
    wait_until(lambda: shared.status.get("latent_frame") >= at + 3, 5, "three more hops")
    assert shared.controls_log.read()[0][[0, 3]].tolist() == [at, 0.25]
    frames = shared.hops.read()["latent_frame"]
    assert frames.tolist() == list(range(len(frames)))
    assert shared.status.get("callbacks") > callbacks and shared.status.get("stalls") == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"null": NullDevice(Path("/nowhere/in.npy"))}, "cannot read the input '/nowhere/in.npy'"),
        ({"null": NullDevice()}, "null device: expected a sound to loop, got none"),
        ({"margin_ms": 0.0}, "--margin: expected more than 0, at most 1000 ms, got 0"),
        ({"input_channels": ((3,),)}, "expected input channels 1 to 1, got 4"),
        ({"graph": "nonsense"}, "the audio process failed: ValueError"),
    ],
)
def test_options_that_cannot_start_are_one_line_and_exit_1(start, options: dict, said: str) -> None:
    process = start(**options)
    failed = process.event()
    assert isinstance(failed, Failed) and failed.code is FailureCode.REFUSED
    assert said in failed.message and "\n" not in failed.message
    assert process.wait() == 1


GONE = SharedSection(Path("/nowhere"), SharedSpec(1, 3, 1, 9))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello\n", "got 'hello'"),
        (b"", "got ''"),
        (encode(Stop()), "expected the command start first, got stop"),
        (encode(Start(RunOptions(None), Path("0"), GONE)).replace(b'"auto"', b'"warp"'), "Invalid enum value 'warp'"),
        (encode(Start(RunOptions(None), Path("0"), GONE)).replace(b'"graph":', b'"tempo":1,"graph":'), "`tempo`"),
    ],
)
def test_a_first_line_that_is_no_start_is_one_line_of_error_too(line: bytes, said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "rtrave.audio.process"], input=line, capture_output=True, check=False)
    assert done.returncode == 1
    failed = decode_event(done.stdout)
    assert isinstance(failed, Failed) and said in failed.message and "\n" not in failed.message


@pytest.mark.parametrize("buffering", [BufferingMode.DIRECT, BufferingMode.LOW_LATENCY])
def test_another_model_is_loaded_while_it_plays(start, shared: Shared, buffering: BufferingMode) -> None:
    process = start(buffering=buffering)
    process.event()
    for graph in ("1", "2", "0", "0.5", "1"):  # milliseconds of a hop; more than are kept
        process.send(Load(Path(graph), 1, 20.0))
        loaded = process.event()
        assert isinstance(loaded, Loaded) and loaded.graph == Path(graph), loaded
        assert loaded.device.hop == 2048 and loaded.device.driver.buffering is buffering
    process.send(Load(Path("nonsense"), 1, 20.0))
    failed = process.event()
    assert isinstance(failed, LoadFailed) and "ValueError" in failed.message
    before = shared.status.get("hops")
    wait_until(lambda: shared.status.get("hops") > before + 2, 5, "more hops")
    process.send(Stop())
    assert process.event() == Stopped() and process.wait() == 0
    status = shared.status.as_dict()
    assert status["late_hops"] == status["engine_errors"] == status["callback_errors"] == 0
    frames = shared.hops.read()["latent_frame"]
    np.testing.assert_array_equal(frames, np.arange(len(frames)))


def test_a_model_of_another_shape_brings_its_own_memory(start, shared: Shared, shared_for) -> None:
    process = start()
    process.event()
    wait_until(lambda: shared.status.get("hops") > 2, 5, "some hops")
    other = shared_for(FakeEngine(hop=128, dims=5))
    process.send(Load(Path("128x5"), 1, 10.0))
    assert "shared memory: expected" in process.event().message
    process.send(Load(Path("128x5"), 1, 10.0, other.section))
    loaded = process.event()
    assert isinstance(loaded, Loaded) and loaded.device.hop == 128, loaded
    wait_until(lambda: other.status.get("hops") > 100, 5, "a hundred short hops")
    assert other.status.get("callbacks") >= shared.status.get("callbacks")
    assert time.monotonic() - other.status.get("heartbeat_s") < 1
    hops = other.hops.read()
    assert hops["z_in"].shape[1:] == (5, 1) and set(hops["model_index"]) == {1}
