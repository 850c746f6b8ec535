"""Third-party TorchScript files through `rtrave live` and `rtrave render`, as a user runs them."""

import json

import numpy as np
import pytest
import soundfile

from tests.backends.torchscript.playing import FADED, HOP, delayed, limiter_delay, noise
from tests.player.running import live_process, read_wav, rtrave
from tests.third_party_scripts import Autoencoder, Blur, Effect, Features, Troubled, directly, save


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    return {kind.__name__: save(kind(), folder) for kind in (Effect, Features, Blur, Autoencoder, Troubled)}


def expected(name, path, x, gain=0.8):
    """Return the output for x, delayed by one hop and the limiter."""
    if name == "Effect":
        return delayed(directly(path, x, gain=gain), HOP + limiter_delay(48000))
    if name == "Features":
        return delayed(x, HOP + limiter_delay(22050))
    y = delayed(directly(path, x), HOP + limiter_delay(44100))
    return np.repeat(y, 2 // len(y), axis=0)


@pytest.mark.parametrize("name", ["Effect", "Features", "Blur"])
def test_live(scripts, name, tmp_path):
    path = scripts[name]
    done = rtrave(
        "live", "--device", "null", "--model", path, "--record", "--duration", 1.5, "--sessions-dir", tmp_path,
        "--osc-port", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "errors" not in done.stdout, done.stdout
    assert ("does not stream" in done.stderr) == (name == "Blur")
    take = next(tmp_path.iterdir())
    header = json.loads((take / "session.json").read_text())
    assert header["latency_samples"]["acoustic"] == HOP
    x, y = read_wav(take / "input.wav"), read_wav(take / "output.wav")
    assert x.shape[1] > header["sample_rate"]
    assert np.abs(y).max() > 0.01
    assert np.array_equal(y, expected(name, path, x))
    latents = np.fromfile(take / "latents_in.f32", np.float32)
    if name == "Features":
        assert np.array_equal(latents.reshape(-1, 4).T, delayed(directly(path, x, "encode"), 4))
    else:
        assert latents.size == 0


@pytest.mark.parametrize("name", ["Effect", "Features", "Blur", "Autoencoder"])
def test_render(scripts, name, tmp_path):
    path = scripts[name]
    channels = 2 if name in ("Blur", "Autoencoder") else 1
    rate = {"Effect": 48000, "Features": 22050}.get(name, 44100)
    x = noise(channels, 7 * HOP)
    soundfile.write(tmp_path / "in.wav", x.T, rate, subtype="FLOAT")
    options = ["--set", "/rtrave/attribute/gain=0.5"] if name == "Effect" else []
    done = rtrave("render", tmp_path / "in.wav", tmp_path / "out.wav", "--model", path, *options)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_wav(tmp_path / "out.wav"), expected(name, path, x, gain=0.5))


def test_live_plays_on_when_the_script_raises_and_hangs(scripts, tmp_path):
    x = noise(1, 220 * HOP)
    x[0, 10 * HOP], x[0, 20 * HOP], x[0, 30 * HOP] = 2, 4, 3  # raises, gives NaN, hangs
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype="FLOAT")
    with live_process(
        "--model", scripts["Troubled"], "--input-file", tmp_path / "in.wav", "--record",
        "--sessions-dir", tmp_path / "takes", "--duration", 9,
    ) as live:  # fmt: skip
        live.wait_for(r"(?m)^session (.+)$", 30)
        assert live.process.wait(10) == 0
        folder = live.session().folder
        assert "restarts 0" in live.text
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert any(event["kind"] == "nonfinite" and event["samples_out"] == HOP for event in events)
    recorded, y = read_wav(folder / "input.wav"), read_wav(folder / "output.wav")[:, limiter_delay(44100) :]
    doubled = delayed(2 * np.minimum(recorded, 1))
    inner = [slice(k * HOP + FADED, (k + 1) * HOP - FADED) for k in range(190)]
    correct = [np.allclose(y[:, part], doubled[:, part], atol=1e-6) for part in inner]
    silent = [not y[:, part].any() for part in inner]
    assert all(correct[1:11] + correct[13:21] + correct[22:31])
    assert all(silent[11:13] + silent[21:22] + silent[31:60])
    assert all(correct[180:])  # a new worker plays: it starts in a second, or in several where the computer is busy


def test_render_stops_where_the_script_raises(scripts, tmp_path):
    x = noise(1, 8 * HOP)
    x[0, 4 * HOP] = 2
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype="FLOAT")
    done = rtrave("render", tmp_path / "in.wav", tmp_path / "out.wav", "--model", scripts["Troubled"])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("rtrave: troubled.ts: forward raised: ")


def test_an_attribute_of_a_native_model_is_refused(tmp_path):
    done = rtrave("live", "--device", "null", "--duration", 0.1, "--set", "/rtrave/attribute/gain=1", "--osc-port", 0)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("no address '/rtrave/attribute/gain'")
