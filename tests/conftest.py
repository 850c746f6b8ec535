"""What every test shares: a graph cache of its own, so that nothing outside the checkout is read or written."""

import os
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "rtrave"
os.environ["RTRAVE_CACHE"] = str(CACHE)


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """A user's own models, and what earlier runs left, must not change what the tests see."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
