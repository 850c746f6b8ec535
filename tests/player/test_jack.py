"""Over a real JACK server every callback comes, and another client records exactly what `rtrave render` computes.

`RTRAVE_JACK_SECONDS` sets the length of each run (default 8); `scripts/soak` sets a minute.
"""

import itertools
import os
import threading
import time

import numpy as np
import pytest
import soundfile

from rtrave.ipc.options import SoundCard
from rtrave.session.reader import open_session, read_audio
from rtrave.settings import assets_dir
from tests.audio.jack import RATE, best_of_three, jack_server, source_and_result, undisturbed
from tests.player.running import live_run, read_wav, rtrave

SECONDS = float(os.environ.get("RTRAVE_JACK_SECONDS", "8"))
STEP_S = 0.4  # between two looks at the counts
SETTLE_S = 2.0  # clients that come and go cost JACK periods of their own


def test_a_server_at_another_rate_is_resampled_with_one_note(tmp_path):
    with jack_server(tmp_path, 1024, rate=48000) as server:
        done = rtrave("live", "--osc-port", 0, "--device", "system", "--duration", 1, env=server.environment)
    assert done.returncode == 0, done.stderr
    text = "the device runs at 48000 Hz, the model at 44100 Hz: resampled on both sides, which costs 10."
    assert done.stdout.count(text) == 1
    assert " + resampler 10." in done.stdout


def source_signal(seconds):
    """The demo sound over and over, with a little noise so that no two places are alike: float32 [T]."""
    demo, _ = soundfile.read(assets_dir() / "demo.flac", dtype="float32")
    samples = int(seconds * RATE)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(samples)
    return (np.resize(demo, samples) + noise).astype(np.float32)


def find(needle, haystack):
    """Return the place of a piece of sound in a longer one, to the sample and to the bit."""
    start = len(needle) // 2
    piece = needle[start : start + 512]
    for at in np.flatnonzero(haystack[: -len(piece)] == piece[0]):
        if np.array_equal(haystack[at : at + len(piece)], piece):
            return int(at) - start
    raise AssertionError("the recorded source is not in the take")


def longest_equal_stretch(source, taken):
    """Return start and stop of the longest stretch in which both [T] agree to the bit.

    A period that the server took from the recorder alone, or from the engine alone, ends it.
    """
    edges = np.concatenate(([-1], np.flatnonzero(source != taken), [len(source)]))
    longest = int(np.argmax(np.diff(edges)))
    return int(edges[longest]) + 1, int(edges[longest + 1])


def check_counts(looks, period, block):
    """Check what the run counted between two looks (server's missed periods, counts, time), wherever none was missed.

    A miss spoils the step before and after it too, as the two count it at different times.
    """
    steps = list(itertools.pairwise(looks))
    still = [before[0] == after[0] for before, after in steps]
    quiet = [k for k in range(1, len(steps) - 1) if still[k - 1] and still[k] and still[k + 1]]
    undisturbed(len(quiet) >= len(steps) // 4, f"the server missed {looks[-1][0] - looks[0][0]} periods")
    for k in quiet:
        (_, before, began_s), (_, after, ended_s) = steps[k]
        gone = {name: after[name] - before[name] for name in after}
        undisturbed(gone["stalls"] == gone["late_hops"] == gone["skipped_hops"] == 0, str(gone))
        due = (ended_s - began_s) * RATE / block
        undisturbed(abs(gone["callbacks"] - due) <= 3 + period / block, f"{gone['callbacks']} of {due}")
        # The two counts are not read at one instant.
        undisturbed(abs(gone["callbacks"] - gone["expected_callbacks"]) <= period / block, str(gone))


@pytest.mark.timeout(3 * (40 + 2 * SECONDS))
@pytest.mark.parametrize(("period", "mode"), [(2048, "direct"), (256, "low-latency")])
def test_another_client_records_what_render_computes(tmp_path, monkeypatch, period, mode):
    def run(attempt):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        play_and_compare(folder, monkeypatch, period, mode)

    best_of_three(run)


def play_and_compare(tmp_path, monkeypatch, period, mode):
    with jack_server(tmp_path, period) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with live_run(tmp_path / "sessions", device=SoundCard()) as run:
            recorded = []

            def play():
                recorded.append(source_and_result(server, tmp_path, source_signal(SECONDS + 4), SECONDS + 2))

            player = threading.Thread(target=play)
            player.start()
            time.sleep(SETTLE_S)
            looks = []
            for _ in range(int((SECONDS - SETTLE_S) / STEP_S)):
                looks.append((server.not_finished(), run.view().counts, time.monotonic()))
                time.sleep(STEP_S)
            player.join()
            missed = server.not_finished() - looks[0][0]
            device, folder = run.view().device, run.take_folder
        driver = device.driver
        assert driver.buffering == mode
        check_counts(looks, period, driver.block)
        assert looks[-1][1]["engine_errors"] == 0

    source, result = recorded[0][:, 0], recorded[0][:, 1]
    taken = read_audio(open_session(folder), "input")[0]
    at = find(source, taken)
    start, stop = longest_equal_stretch(source, taken[at : at + len(source)])
    soundfile.write(tmp_path / "taken.wav", taken, RATE, subtype="FLOAT")
    done = rtrave("render", tmp_path / "taken.wav", tmp_path / "rendered.wav")
    assert done.returncode == 0, done.stderr
    shift = driver.buffering_samples + device.ports.host_samples
    rendered = read_wav(tmp_path / "rendered.wav")[0]
    start = max(start, int(SETTLE_S * RATE)) + shift
    undisturbed(missed == 0 or stop - start > RATE, f"the server missed {missed} periods")
    assert stop - start > RATE
    expected = rendered[at + start - shift : at + stop - shift]
    assert np.abs(expected).max() > 0.05
    difference = float(np.abs(result[start:stop] - expected).max())
    seconds = (stop - start) / RATE
    print(f"period {period}: {missed} periods missed, shift {shift}, {seconds:.1f} s within {difference:.1e}")
    undisturbed(missed == 0 or difference < 1e-6, f"the server missed {missed} periods")
    assert difference < 1e-6
