"""`--dual-mono` and `--second-input`: a take equals what `rtrave render` computes from its input, bit for bit."""

import json
import os
import time

import numpy as np
import pytest
import soundfile

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import read_facts
from rtrave.cli.options import check_streams
from rtrave.compiler.graph import ensure_graph_of
from rtrave.control.instrument import INPUT2
from rtrave.errors import RtraveError
from rtrave.session.reader import control_changes, read_audio, read_latents
from tests.player.running import Surface, live_process, read_wav, rtrave
from tests.tiny import save_compiled, tiny_model

TWO = GraphShape(batch=2)  # streams


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_compiled(tiny_model(), path, GraphShape(), TWO)
    return path


@pytest.fixture
def sound(tmp_path):
    """Three channels, none like another."""
    x = 0.1 * np.random.default_rng(1).standard_normal((44100, 3)) * [1, 0.3, 0.5]
    soundfile.write(tmp_path / "in.wav", x, 44100, subtype="FLOAT")
    return tmp_path / "in.wav"


def take(tmp_path, sound, messages, *options):
    given = ("--device", "null", "--input-file", sound, "--record", "--sessions-dir", tmp_path / "takes", "--fresh")
    with live_process(*given, "--buffering", "low-latency", "--block-size", 441, *options) as live:
        surface = Surface(live.port())
        live.wait_for(r"median \d")  # there is something in the take
        for message in messages:
            surface.send(*message)
            time.sleep(0.15)
        assert live.finish() == 0, live.text
        return live.session(), live.text


def rendered(tmp_path, session, *options):
    again = tmp_path / "again.wav"
    done = rtrave(
        "render", session.folder / "input.wav", again, "--controls", session.folder / "events.jsonl", *options
    )
    assert done.returncode == 0, done.stderr
    return read_wav(again)


MOVES = [
    ("/rtrave/dims", "i", 2),
    ("/rtrave/out/width", "f", 0.5),
    ("/rtrave/temperature", "f", 1.0),
    ("/rtrave/latent/0/smooth", "f", 50.0),
    ("/rtrave/noise", "f", 0.5),
    ("/rtrave/out/width", "f", 2.0),
]


def test_a_take_of_two_streams_is_rendered_to_the_bit(tmp_path, model, sound):
    options = ("--model", model, "--dual-mono")
    session, _ = take(tmp_path, sound, MOVES, *options)
    x, y = read_audio(session, "input"), read_audio(session, "output")
    assert x.shape == y.shape and x.shape[0] == session.channels == 2
    assert not np.array_equal(x[0], x[1]) and not np.array_equal(y[0], y[1])
    assert np.array_equal(rendered(tmp_path, session, *options), y)
    assert json.loads((session.folder / "session.json").read_text())["streams"] == 2
    assert read_latents(session, "in").shape == (x.shape[1] // 128, 4)


def test_a_take_with_a_second_input_is_rendered_to_the_bit(tmp_path, model, sound):
    messages = [
        ("/rtrave/source/mix", "f", 1.0),
        ("/rtrave/source/b", "s", INPUT2),
        ("/rtrave/source/mode", "s", "interleave"),
        ("/rtrave/source/b", "s", "off"),
        ("/rtrave/source/b", "s", INPUT2),
    ]
    session, _ = take(tmp_path, sound, messages, "--model", model, "--second-input", "2+3")
    x, y = read_audio(session, "input"), read_audio(session, "output")
    assert (x.shape[0], y.shape[0], session.second) == (2, 1, 1)
    assert np.array_equal(rendered(tmp_path, session, "--model", model, "--second-input", "2"), y)
    slots = [values["/rtrave/source/slot"] for _, values in control_changes(session) if "/rtrave/source/slot" in values]
    assert slots == [0, 1, 0, 1]
    # What the second input gave is in the sound: without it, the take cannot be repeated.
    soundfile.write(tmp_path / "first.wav", np.stack((x[0], 0 * x[1])).T, 44100, subtype="FLOAT")
    options = ("--controls", session.folder / "events.jsonl", "--second-input", "2", "--model", model)
    assert rtrave("render", tmp_path / "first.wav", tmp_path / "other.wav", *options).returncode == 0
    assert not np.array_equal(read_wav(tmp_path / "other.wav"), y)


def test_two_streams_share_one_second_input(tmp_path, model, sound):
    options = ("--model", model, "--dual-mono", "--set", "/rtrave/source/mix=1", "--set", "/rtrave/source/b=input2")
    session, _ = take(tmp_path, sound, [], *options, "--second-input", "3")
    x, y = read_audio(session, "input"), read_audio(session, "output")
    assert x.shape[0] == 4 and np.array_equal(x[2], x[3]) and not np.array_equal(x[1], x[2])
    assert np.array_equal(rendered(tmp_path, session, *options, "--second-input", "3,4"), y)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--second-input", "1,2"], "--second-input: expected 1 channel, got 2: list one for all"),
        (["--second-input", "4"], "in.wav', got 4: list others"),
        (["--set", "/rtrave/source/b=input2"], "no second source is available here"),
        (
            ["--second-input", "2", "--set", "/rtrave/source/b=bow"],
            "expected input2 as second source before a run begins, got 'bow'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, model, sound, options, line):
    done = rtrave("render", sound, tmp_path / "out.wav", "--model", model, *options)
    assert done.returncode == 1 and line in done.stderr.splitlines()[-1], done.stderr
    assert "Traceback" not in done.stderr


def test_a_stereo_model_is_no_dual_mono():
    facts = read_facts(ensure_graph_of(tiny_model(2), TWO))
    with pytest.raises(RtraveError, match="--dual-mono: expected a mono model, got tiny, 2 channels"):
        check_streams(facts)


def test_another_model_plays_two_streams_and_the_second_input_too(tmp_path, model, sound):
    save_compiled(tiny_model(seed=1), tmp_path / "other.safetensors", TWO)
    given = ("--device", "null", "--input-file", sound, "--record", "--sessions-dir", tmp_path / "takes", "--fresh")
    options = ("--dual-mono", "--second-input", "3", "--set", "/rtrave/source/mix=1")
    environment = os.environ | {"RTRAVE_PATH": str(tmp_path)}
    with live_process(*given, *options, "--model", model, env=environment) as live:
        surface = Surface(live.port())
        surface.send("/rtrave/model/load", "s", "other")
        live.wait_for("plays instead of", 30)
        surface.send("/rtrave/source/b", "s", INPUT2)
        time.sleep(0.5)
        assert live.finish() == 0, live.text
        session = live.session()
    y = read_audio(session, "output")
    again = rendered(
        tmp_path, session, *options[:1], "--second-input", "3,4", "--model", tmp_path / "other.safetensors"
    )
    assert y.shape == again.shape and y.shape[1] > 44100 // 2
    late = y.shape[1] // 2  # what sounded when the take began is of the model's past
    assert np.allclose(again[:, late:], y[:, late:], atol=1e-3)
