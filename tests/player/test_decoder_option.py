"""`--decoder`: the sound of one model from the latents of another, live and offline alike."""

import numpy as np

from rtrave.session.reader import read_audio
from tests.player.running import live_process, read_wav, rtrave
from tests.tiny import save_compiled, tiny_model


def test_live_and_render(tmp_path):
    save_compiled(tiny_model(latent_size=6), tmp_path / "other.safetensors")
    save_compiled(tiny_model(seed=1), tmp_path / "first.safetensors")
    options = ("--model", tmp_path / "first.safetensors", "--decoder", tmp_path / "other.safetensors")
    with live_process("--device", "null", "--duration", "2", "--record", "--sessions-dir", tmp_path, *options) as run:
        run.wait_for("2 of them stay at their mean")
        run.wait_for("first.safetensors is not calibrated")
        assert run.process.wait(30) == 0
        session = run.session()
    played = read_audio(session, "output")
    assert np.abs(played).max() > 1e-4
    folder = session.folder
    again, events = tmp_path / "again.wav", folder / "events.jsonl"
    done = rtrave("render", folder / "input.wav", again, "--controls", events, *options)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_wav(again)[:, : played.shape[1]], played)


def test_a_script_cannot_take_part(tmp_path):
    done = rtrave("render", "rtrave/assets/demo.flac", tmp_path / "x.wav", "--decoder", "nosuch")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
