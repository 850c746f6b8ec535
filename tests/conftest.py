"""Fixtures of every test, a graph cache inside the checkout, and the list of test files that run alone."""

import os
import tempfile
from pathlib import Path

import pytest

# `scripts/check` runs these files one by one, after all the others: they play on a JACK server, measure time, or look
# for what a run leaves behind. Runs on the null device do not disturb each other.
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
_DATA = tempfile.TemporaryDirectory(
    prefix="rtrave-tests-"
)  # for the fixtures of a module, which run before `no_user_models`
os.environ["XDG_DATA_HOME"] = _DATA.name


def pytest_collection_modifyitems(items):
    """Mark the tests of the files in `ALONE`."""
    if missing := [name for name in sorted(ALONE) if not (TESTS / name).is_file()]:
        raise pytest.UsageError(
            f"tests/conftest.py: ALONE: expected existing files, got {', '.join(missing)}: correct the list"
        )
    for item in items:
        if item.path.relative_to(TESTS).as_posix() in ALONE:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """Hide the user's own models and the files of earlier runs from every test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
