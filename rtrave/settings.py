"""Where things are kept on this computer, and the few numbers that more than one part needs."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VERSION = "0.1.0"
DEFAULT_MODEL = "strings"
DEFAULT_OSC_PORT = 9000


def assets_dir() -> Path:
    """Folder of the models and sounds that come with the package."""
    return Path(__file__).parent / "assets"


def configs_dir() -> Path:
    """Folder of the data files."""
    return Path(__file__).parent / "configs"


def cache_dir() -> Path:
    """Folder of compiled graphs; `RTRAVE_CACHE` overrides the user's cache directory."""
    return Path(os.environ.get("RTRAVE_CACHE") or platformdirs.user_cache_path("rtrave"))


def models_dir() -> Path:
    """Folder of the user's own models, searched by name after the packaged ones."""
    return Path(platformdirs.user_data_path("rtrave")) / "models"


def state_dir() -> Path:
    """Folder of what is kept of each model between runs: last controls, snapshots, calibration."""
    return Path(platformdirs.user_data_path("rtrave")) / "state"


def presets_dir() -> Path:
    """Folder of the user's own presets, searched by name after the packaged ones."""
    return Path(platformdirs.user_data_path("rtrave")) / "presets"


def clips_dir() -> Path:
    """Folder of the sounds that the second source plays by name."""
    return Path(platformdirs.user_data_path("rtrave")) / "clips"


def sessions_dir() -> Path:
    """Where takes go unless `--sessions-dir` says otherwise."""
    return Path.home() / "rtrave-sessions"
