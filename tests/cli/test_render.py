"""`rtrave render --fast` gives the samples of the hops to 1e-4, and as many."""

import numpy as np
import pytest
import soundfile

from rtrave.cli import main
from rtrave.settings import assets_dir


@pytest.mark.parametrize("samples", [1, 70001])
def test_fast_equals_the_hops(tmp_path, samples):
    x, rate = soundfile.read(assets_dir() / "demo.flac", frames=samples + 20000, dtype="float32")
    soundfile.write(tmp_path / "in.wav", x[20000:], rate, "FLOAT")
    found = []
    for options in ([], ["--fast"]):
        arguments = [str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "--set", "/rtrave/latent/0/bias=0.5"]
        assert main(["render", *arguments, *options]) == 0
        found.append(soundfile.read(tmp_path / "out.wav", dtype="float32")[0])
    hops, fast = found
    assert hops.shape == fast.shape == (-(-samples // 2048) * 2048,)
    assert np.abs(hops - fast).max() <= 1e-4 * max(np.abs(hops).max(), 0.01)


def test_fast_refuses_control_changes(tmp_path, capsys):
    soundfile.write(tmp_path / "in.wav", np.zeros(100), 44100)
    (tmp_path / "events.jsonl").write_text("")
    arguments = [str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "--fast"]
    assert main(["render", *arguments, "--controls", str(tmp_path / "events.jsonl")]) == 1
    assert "leave one of them out" in capsys.readouterr().err
