"""Folders of rtrave's files on this computer, and the constants that several packages share."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VERSION = "0.1.0"
DEFAULT_MODEL = "strings"
DEFAULT_OSC_PORT = 9000


def assets_dir() -> Path:
    """Folder of the packaged models and sounds."""
    return Path(__file__).parent / "assets"


def configs_dir() -> Path:
    """Folder of the packaged architectures, recipes and presets."""
    return Path(__file__).parent / "configs"


def cache_dir() -> Path:
    """Folder of compiled graphs; `RTRAVE_CACHE` overrides the user's cache directory."""
    return Path(os.environ.get("RTRAVE_CACHE") or platformdirs.user_cache_path("rtrave"))


def models_dir() -> Path:
    """Folder of the user's own models, searched by name after the packaged ones."""
    return Path(platformdirs.user_data_path("rtrave")) / "models"


def state_dir() -> Path:
    """Folder of the state of each model that persists between runs: last controls, snapshots, calibration."""
    return Path(platformdirs.user_data_path("rtrave")) / "state"


def presets_dir() -> Path:
    """Folder of the user's own presets, searched by name after the packaged ones."""
    return Path(platformdirs.user_data_path("rtrave")) / "presets"


def clips_dir() -> Path:
    """Folder of the sounds that the second source plays by name."""
    return Path(platformdirs.user_data_path("rtrave")) / "clips"


def log_dir() -> Path:
    """Return the folder of the log files of live runs."""
    return Path(platformdirs.user_log_path("rtrave"))


def sessions_dir() -> Path:
    """Default folder of takes, which `--sessions-dir` replaces."""
    return Path.home() / "rtrave-sessions"
