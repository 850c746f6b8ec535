"""What every test shares: a graph cache of its own, so that nothing outside the checkout is read or written, and which
tests need the computer for themselves."""

import os
import tempfile
from pathlib import Path

import pytest

# What `scripts/check` runs one by one, after all the others: it plays on a JACK server, times something, or looks for
# what is left behind. Runs on the null device bear one another.
ALONE = {
    "audio/test_jack.py",
    "cli/test_check.py",
    "cli/test_latency.py",
    "player/test_control_latency.py",
    "player/test_jack.py",
    "player/test_jack_killed.py",
    "player/test_killed.py",
    "player/test_round_trip.py",
    "player/test_user_errors.py",
    "backends/torchscript/test_pipelined.py",
    "backends/torchscript/test_trouble.py",
}

TESTS = Path(__file__).parent
CACHE = TESTS.parent / ".pytest_cache" / "rtrave"
os.environ["RTRAVE_CACHE"] = str(CACHE)
_DATA = tempfile.TemporaryDirectory(prefix="rtrave-tests-")  # for fixtures of a module, which come before those below
os.environ["XDG_DATA_HOME"] = _DATA.name


def pytest_collection_modifyitems(items):
    """Mark what `ALONE` names."""
    if gone := [name for name in sorted(ALONE) if not (TESTS / name).is_file()]:
        raise pytest.UsageError(f"tests/conftest.py: ALONE names {', '.join(gone)}, and there is no such file")
    for item in items:
        if item.path.relative_to(TESTS).as_posix() in ALONE:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """A user's own models, and what earlier runs left, must not change what the tests see."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
