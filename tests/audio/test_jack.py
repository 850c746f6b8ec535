"""On a real JACK server every callback comes, no period is missed, and the sound returns at the reported shift."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from rtrave.audio.opening import NoDeviceError, open_audio
from rtrave.ipc.messages import Failed, FailureCode, Started, Stop, Stopped
from rtrave.ipc.options import BufferingMode, RunOptions, SoundCard
from rtrave.ipc.shared_memory import Shared
from tests.audio.fake import FakeEngine
from tests.audio.jack import (
    RATE,
    AudioProcess,
    best_of_three,
    find_shift,
    jack_server,
    source_and_result,
    undisturbed,
    wait_until,
)

DUPLEX = SoundCard(None, "JACK")


@pytest.mark.parametrize(
    ("period", "config", "mode", "delay"),
    [
        (2048, {}, "direct", 1024),
        (256, {"margin_ms": 16}, "low-latency", 2048 + 512),
        (256, {"block_size": 512, "margin_ms": 16}, "low-latency", 2048 + 512 + 512),
    ],
)
def test_duplex(shared_for, tmp_path: Path, period: int, config: dict, mode: str, delay: int) -> None:
    def run(attempt: int) -> None:
        folder = tmp_path / str(attempt)
        folder.mkdir()
        duplex(shared_for(FakeEngine()), folder, period, config, mode, delay)

    best_of_three(run)


def duplex(shared: Shared, tmp_path: Path, period: int, config: dict, mode: str, delay: int) -> None:
    with jack_server(tmp_path, period) as server:
        process = AudioProcess(shared, server.environment, device=DUPLEX, graph="7", **config)
        try:
            started = process.event()
            assert isinstance(started, Started), started
            driver, ports = started.device.driver, started.device.ports
            assert (driver.buffering, ports.host_period) == (mode, period)
            assert driver.buffering_samples + ports.host_samples == delay
            assert ports.output_latency_s * RATE == pytest.approx(period + ports.host_samples, abs=0.1)
            assert "PortAudio:in_0" in server.ports()
            time.sleep(0.7)  # the first second belongs to the server
            missed, before = server.not_finished(), shared.status.as_dict()
            start_s = time.monotonic()
            time.sleep(1.5)
            after, lasted_s = shared.status.as_dict(), time.monotonic() - start_s
            undisturbed(server.not_finished() == missed, "the server missed periods")
            undisturbed(after["stalls"] == before["stalls"] and after["late_hops"] == before["late_hops"], str(after))
            callbacks = after["callbacks"] - before["callbacks"]
            slack = 2 + period / driver.block
            undisturbed(abs(callbacks - lasted_s * RATE / driver.block) <= slack, f"{callbacks} in {lasted_s} s")
            rng = np.random.default_rng(7)
            source = rng.uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)
            missed = server.not_finished()
            result = source_and_result(server, tmp_path, source, 1.8)
            whole = server.not_finished() == missed
            shift, apart = find_shift(result[:, 0], result[:, 1], delay + 300)
            undisturbed(whole or (shift == delay and apart < 1e-6), "the server missed periods of the recording")
            assert shift == delay
            assert apart < 1e-6
            process.send(Stop())
            assert process.event() == Stopped() and process.wait() == 0
        finally:
            process.end()


def test_an_engine_too_slow_for_the_period_is_counted_as_the_clock_counts(shared_for, tmp_path: Path) -> None:
    shared = shared_for(FakeEngine())
    with jack_server(tmp_path, 256) as server:
        process = AudioProcess(shared, server.environment, device=DUPLEX, graph="25", buffering=BufferingMode.DIRECT)
        try:
            assert isinstance(process.event(), Started)
            time.sleep(0.3)
            before, start_s = shared.status.as_dict(), time.monotonic()
            time.sleep(2.0)
            after, lasted_s = shared.status.as_dict(), time.monotonic() - start_s
            gone = {name: after[name] - before[name] for name in after}
            assert server.not_finished() > 10
            assert gone["expected_callbacks"] - gone["callbacks"] > 30 and gone["late_hops"] > 10
            assert gone["stalls"] < 12  # what the engine cost is no stall of the host
            # One callback takes five periods, and so the two readings may be some periods off.
            assert gone["expected_callbacks"] == pytest.approx(lasted_s * RATE / 256, abs=12)
            process.send(Stop())
            assert process.event() == Stopped() and process.wait() == 0
        finally:
            process.end()


def test_after_the_server_died_the_heartbeat_stands_still_and_a_stop_still_ends_it(shared_for, tmp_path: Path) -> None:
    shared = shared_for(FakeEngine())
    with jack_server(tmp_path, 512) as server:
        process = AudioProcess(shared, server.environment, device=DUPLEX)
        assert isinstance(process.event(), Started)
        wait_until(lambda: shared.status.get("hops") > 3, 5, "a few hops")
    try:
        time.sleep(0.1)
        still = shared.status.get("heartbeat_s")
        time.sleep(0.3)
        assert shared.status.get("heartbeat_s") == still
        process.hang_up()
        assert process.wait(6) in (0, 1)
    finally:
        process.end()


@pytest.mark.parametrize(("rate", "period"), [(48000, 256), (96000, 4096)])
def test_a_server_at_another_rate_is_resampled(shared_for, tmp_path: Path, rate: int, period: int) -> None:
    """Another client receives its own sound, through both resamplers, at the reported shift."""

    def run(attempt: int) -> None:
        folder = tmp_path / str(attempt)
        folder.mkdir()
        resampled(shared_for(FakeEngine()), folder, rate, period)

    best_of_three(run)


def resampled(shared: Shared, tmp_path: Path, rate: int, period: int) -> None:
    with jack_server(tmp_path, period, rate) as server:
        process = AudioProcess(shared, server.environment, device=DUPLEX, graph="7")
        try:
            started = process.event()
            assert isinstance(started, Started), started
            driver, ports = started.device.driver, started.device.ports
            assert driver.device_rate == rate and started.device.sample_rate == RATE
            assert driver.buffering is BufferingMode.LOW_LATENCY
            time.sleep(0.7)
            missed, before = server.not_finished(), shared.status.as_dict()
            t = np.arange(3 * rate) / rate
            source = (0.2 * np.sin(2 * np.pi * (200 + 900 * t) * t)).astype(np.float32)  # a sweep: alike nowhere
            result = source_and_result(server, tmp_path, source, 1.8, rate)
            after = shared.status.as_dict()
            whole = server.not_finished() == missed and after["late_hops"] == before["late_hops"]
            delay_s = driver.buffering_samples / RATE + driver.resampler_s + ports.host_samples / rate
            shift, apart = find_shift(result[:, 0], result[:, 1], round(delay_s * rate) + 300)
            undisturbed(whole or (abs(shift - delay_s * rate) <= 6 and apart < 0.02), f"missed periods: {after}")
            assert shift == pytest.approx(delay_s * rate, abs=6)
            assert apart < 0.02
            assert after["callback_errors"] == 0
        finally:
            process.end()


def test_an_unknown_device_is_one_line(shared_for, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "rtrave-there-is-none")
    process = AudioProcess(shared_for(FakeEngine()), device=SoundCard("no such card", "no such card"))
    try:
        failed = process.event()
        assert isinstance(failed, Failed) and failed.code is FailureCode.REFUSED
        assert "no input device 'no such card'" in failed.message
    finally:
        process.end()


def test_a_missing_sound_card_has_its_own_error(shared_for, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtrave.audio.device.pick_default", lambda: None)
    with pytest.raises(NoDeviceError, match="no sound card"):
        open_audio(RunOptions(SoundCard(None, "x")), FakeEngine(), shared_for(FakeEngine()), 0.0)
