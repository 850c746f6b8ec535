"""Measurements of the computer: cache size, memory bandwidth, busy cores."""

import subprocess
import sys

from rtrave.bench.machine import DEFAULT_CACHE_BYTES, busy_cores, last_level_cache_bytes, read_bandwidth_gbs


def test_the_largest_cache_is_the_last(tmp_path):
    for index, size in enumerate(("48K", "1024K", "32768K")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(size + "\n")
    assert last_level_cache_bytes(tmp_path) == 32 << 20
    assert last_level_cache_bytes(tmp_path / "nothing") == DEFAULT_CACHE_BYTES


def test_bandwidth_is_plausible():
    assert 0.5 < read_bandwidth_gbs() < 2000


def test_a_busy_program_is_counted():
    code = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as busy:
        try:
            assert busy_cores() > 0.5
        finally:
            busy.kill()
