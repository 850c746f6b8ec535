"""What every test shares: a graph cache of its own, so that nothing outside the checkout is read or written."""

import os
import tempfile
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "rtrave"
os.environ["RTRAVE_CACHE"] = str(CACHE)
_DATA = tempfile.TemporaryDirectory(prefix="rtrave-tests-")  # for fixtures of a module, which come before those below
os.environ["XDG_DATA_HOME"] = _DATA.name


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """A user's own models, and what earlier runs left, must not change what the tests see."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
