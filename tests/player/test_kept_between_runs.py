"""Snapshots and the last controls survive a restart, per model; snapshots travel as files."""

import time

import pytest

from tests.player.running import Surface, live_process, rtrave


def settled(surface: Surface, number: int) -> None:
    surface.send("/rtrave/sync", "i", number)
    while b"/rtrave/synced" not in surface.socket.recv(4096):
        pass


def ask(surface: Surface, address: str) -> bytes:
    surface.send(address)
    while True:
        answer = surface.socket.recv(4096)
        if answer.startswith(address.encode() + b"\0"):
            return answer


@pytest.fixture
def silent_surface():
    made = []

    def make(port: int) -> Surface:
        made.append(Surface(port))
        return made[-1]

    yield make
    for surface in made:
        surface.socket.close()


def test_a_restart_a_fresh_start_and_a_file(tmp_path, silent_surface):
    with live_process("--device", "null") as first:
        surface = silent_surface(first.port())
        surface.send("/rtrave/latent/0/bias", "f", 1.5)
        surface.send("/rtrave/snapshot/store", "s", "verse")
        surface.send("/rtrave/latent/0/bias", "f", -0.5)
        surface.send("/rtrave/silence", "i", 1)
        settled(surface, 1)
        assert first.finish() == 0
    with live_process("--device", "null", "--set", "/rtrave/mix=0.5") as second:
        surface = silent_surface(second.port())
        assert ask(surface, "/rtrave/latent/0/bias").endswith(b"\xbf\x00\x00\x00")  # -0.5
        assert ask(surface, "/rtrave/silence").endswith(b"\0\0\0\0")
        surface.send("/rtrave/snapshot/recall", "sf", "verse", 0.1)
        assert ask(surface, "/rtrave/latent/0/bias").endswith(b"\x3f\xc0\x00\x00")
        assert ask(surface, "/rtrave/mix").endswith(b"\x3f\x80\x00\x00")  # the snapshot was kept before --set
        settled(surface, 2)
        assert second.finish() == 0
    done = rtrave("preset", "export", tmp_path / "mine.toml")
    assert done.returncode == 0, done.stderr
    assert '[snapshots."verse"]' in (tmp_path / "mine.toml").read_text()
    assert rtrave("preset", "export", tmp_path / "mine.toml").returncode == 1
    assert rtrave("preset", "import", tmp_path / "mine.toml").returncode == 0
    with live_process("--device", "null", "--fresh", "--preset", str(tmp_path / "mine.toml")) as third:
        surface = silent_surface(third.port())
        assert ask(surface, "/rtrave/latent/0/bias").endswith(b"\x3f\xc0\x00\x00")
        assert b"verse" in ask(surface, "/rtrave/snapshot/list")


def test_a_kill_loses_no_more_than_seconds(silent_surface):
    with live_process("--device", "null") as run:
        surface = silent_surface(run.port())
        surface.send("/rtrave/latent/0/bias", "f", 1.5)
        time.sleep(3)
        run.process.kill()
        run.process.wait()
    with live_process("--device", "null") as again:
        surface = silent_surface(again.port())
        assert ask(surface, "/rtrave/latent/0/bias").endswith(b"\x3f\xc0\x00\x00")


@pytest.mark.parametrize("preset", ["nosuch", "nosuch.toml"])
def test_a_preset_that_is_not_there_is_one_line(preset):
    done = rtrave("live", "--device", "null", "--preset", preset)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "nosuch" in done.stderr


def test_the_presets_of_the_package_are_listed():
    done = rtrave("preset", "list")
    assert done.returncode == 0 and "slow-drift" in done.stdout
