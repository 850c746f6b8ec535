"""NaN and infinite input while live: the output is finite, and screen and take show the counts."""

import numpy as np
import soundfile

from rtrave.session.reader import open_session, read_audio, read_events
from tests.player.running import rtrave


def test_told_and_survived(tmp_path):
    rng = np.random.default_rng(0)
    x = (0.1 * rng.standard_normal(44100)).astype(np.float32)
    x[5000:5017] = np.nan
    x[20000] = np.inf
    soundfile.write(tmp_path / "bad.wav", x, 44100, subtype="FLOAT")
    done = rtrave(
        "live", "--input-file", tmp_path / "bad.wav", "--record", "--sessions-dir", tmp_path / "s", "--duration", 3,
        "--osc-port", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "s").iterdir()
    session = open_session(folder)
    for signal in ("input", "output"):
        assert np.isfinite(read_audio(session, signal)).all()
    counts = [event["samples_in"] for event in read_events(session) if event["kind"] == "nonfinite"]
    loops = read_audio(session, "input").shape[1] / 44100
    assert 18 * int(loops) <= sum(counts) <= 18 * (int(loops) + 1)
    assert f"NaN in {sum(counts)}" in done.stdout.splitlines()[-2]
