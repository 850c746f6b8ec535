"""Fixtures of every test, a graph cache inside the checkout, and the lists of test files that run alone or are long."""

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
# `scripts/test-long` runs these files, `scripts/check` does not: each takes about 15 seconds or more.
LONG = {
    "audio/test_rates.py",
    "backends/test_graph_cache.py",
    "backends/torchscript/test_equals_direct.py",
    "backends/torchscript/test_live.py",
    "backends/torchscript/test_trouble.py",
    "cli/test_bench.py",
    "cli/test_evaluate.py",
    "cli/test_latency.py",
    "cli/test_render.py",
    "export/test_onnx_files.py",
    "model/test_every_model_streams.py",
    "model/test_export.py",
    "model/test_model_contract.py",
    "osc/test_soak_short.py",
    "player/test_decoder_option.py",
    "player/test_dual_mono_live.py",
    "player/test_hostile_packets.py",
    "player/test_jack.py",
    "player/test_kept_between_runs.py",
    "player/test_round_trip.py",
    "player/test_swap_shape.py",
    "streaming/test_offline.py",
    "streaming/test_precision.py",
    "streaming/test_reference_streamed.py",
    "train/test_learns.py",
    "train/test_resume.py",
    "train/test_user_errors.py",
}

TESTS = Path(__file__).parent
CACHE = TESTS.parent / ".pytest_cache" / "rtrave"
os.environ["RTRAVE_CACHE"] = str(CACHE)
_DATA = tempfile.TemporaryDirectory(prefix="rtrave-tests-")  # for fixtures of modules, which `no_user_models` follows
for home in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
    os.environ[home] = _DATA.name


def pytest_collection_modifyitems(items):
    """Mark the tests of the files in `ALONE` and in `LONG`."""
    if missing := [name for name in sorted(ALONE | LONG) if not (TESTS / name).is_file()]:
        raise pytest.UsageError(
            f"tests/conftest.py: ALONE, LONG: expected existing files, got {', '.join(missing)}: correct the lists"
        )
    for item in items:
        name = item.path.relative_to(TESTS).as_posix()
        if name in ALONE:
            item.add_marker(pytest.mark.alone)
        if name in LONG:
            item.add_marker(pytest.mark.long)


@pytest.fixture(autouse=True)
def no_user_models(monkeypatch, tmp_path_factory):
    """Hide the user's own models and the files of earlier runs from every test."""
    for home in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(home, str(tmp_path_factory.mktemp("home")))
