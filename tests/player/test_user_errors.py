"""Wrong input gives one clear line on stderr and exit code 1, and leaves nothing behind."""

import os
import socket
from pathlib import Path

import pytest

from rtrave.settings import assets_dir
from tests.player.running import rtrave


def refused(*arguments, **options):
    """Run a command that must fail, and return its one line."""
    before = set(Path("/dev/shm").glob("rtrave-*")) if os.path.isdir("/dev/shm") else set()
    done = rtrave(*arguments, **options)
    assert done.returncode == 1, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("rtrave: ")
    if os.path.isdir("/dev/shm"):
        assert set(Path("/dev/shm").glob("rtrave-*")) <= before
    return lines[0]


def live(*arguments, **options):
    return refused("live", "--osc-port", 0, *arguments, **options)


def test_no_such_model():
    line = live("--model", "nothing")
    assert "expected a path or one of the registered names (strings" in line and "got 'nothing'" in line


@pytest.mark.parametrize("keep", [0, 100, 1_000_000])
def test_a_damaged_model(tmp_path, keep):
    path = tmp_path / "broken.safetensors"
    path.write_bytes((assets_dir() / "strings.safetensors").read_bytes()[:keep])
    done = rtrave("live", "--osc-port", 0, "--device", "null", "--model", path)
    assert done.returncode == 1
    *_, line = done.stderr.strip().splitlines()
    assert "broken.safetensors': expected a model, got a damaged file" in line
    assert "Traceback" not in done.stderr


def test_an_unknown_device():
    line = live("--device", "no such device")
    assert "no such device" in line


def test_a_port_already_taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert str(port) in refused("live", "--device", "null", "--osc-port", port)


def test_an_unwritable_sessions_directory(tmp_path):
    (tmp_path / "file").write_text("")
    line = live("--device", "null", "--record", "--sessions-dir", tmp_path / "file" / "sessions")
    assert "sessions" in line


@pytest.mark.parametrize(
    "setting", ["/rtrave/nothing=1", "/rtrave/mix=loud", "/rtrave/mix", "/rtrave/mix=nan", "mix=1"]
)
def test_a_wrong_setting(setting):
    assert setting in live("--device", "null", "--set", setting)


def test_a_wrong_feedback_target():
    assert "nowhere" in live("--device", "null", "--osc-send", "nowhere")


def test_a_missing_input_file(tmp_path):
    assert "missing.wav" in live("--input-file", tmp_path / "missing.wav")


def test_devices_that_exclude_each_other():
    assert "--device" in live("--device", "null", "--input", "x")


def test_render_without_its_input(tmp_path):
    assert "missing.wav" in refused("render", tmp_path / "missing.wav", tmp_path / "out.wav")


def test_render_onto_itself(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes((assets_dir() / "demo.flac").read_bytes())
    assert "expected another file than the input" in refused("render", path, path)
    assert path.stat().st_size > 1000


def test_import_of_nothing(tmp_path):
    assert "expected config.gin, got none" in refused("import", tmp_path, tmp_path / "x.safetensors")
