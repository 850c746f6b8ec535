"""What every test shares: a graph cache of its own, so that nothing outside the checkout is read or written, and which
tests need the computer for themselves."""

import os
import tempfile
from pathlib import Path

import pytest

# Their sound keeps time with a clock: `scripts/check` runs them one by one, and all others side by side.
REAL_TIME = ("audio", "live", "cli/test_bench.py", "cli/test_check.py", "cli/test_latency.py")
REAL_TIME += ("streaming/test_scripted_live.py",)
NO_CLOCK = ("audio/test_rates.py", "audio/test_streams_apart.py", "live/test_user_errors.py")

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "rtrave"
os.environ["RTRAVE_CACHE"] = str(CACHE)
_DATA = tempfile.TemporaryDirectory(prefix="rtrave-tests-")  # for fixtures of a module, which come before those below
os.environ["XDG_DATA_HOME"] = _DATA.name


def pytest_collection_modifyitems(items):
    """Mark what `REAL_TIME` names."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent)
        within = {place.as_posix(), *(folder.as_posix() for folder in place.parents)}
        if within & set(REAL_TIME) and place.as_posix() not in NO_CLOCK:
            item.add_marker(pytest.mark.real_time)


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """A user's own models, and what earlier runs left, must not change what the tests see."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
