"""The tables in docs/controls.md are up to date with the code."""

import subprocess
import sys
from pathlib import Path

import pytest

from rtrave.control.parameter import ParameterKind
from rtrave.control.table import TABLE

ROOT = Path(__file__).parents[2]
CONTROLS = ROOT / "docs" / "controls.md"


def run(*arguments):
    command = [sys.executable, ROOT / "scripts" / "documentation-tables", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_up_to_date():
    done = run("--check")
    assert done.returncode == 0, done.stderr


def test_every_address_has_its_row():
    text = CONTROLS.read_text(encoding="utf-8")
    shown = {parameter.address for parameter in TABLE if parameter.kind is not ParameterKind.HIDDEN}
    assert all(text.count(f"| `{p.address}` |") == (p.address in shown) for p in TABLE)


@pytest.mark.parametrize(("was", "now"), [("-5 to 5 (1)", "-5 to 5 (0)"), ("| `/rtrave/mix` |", "| `/rtrave/max` |")])
def test_an_old_table_is_found_and_updated(tmp_path, was, now):
    text = CONTROLS.read_text(encoding="utf-8")
    assert was in text
    old = tmp_path / "controls.md"
    old.write_text(text.replace(was, now), encoding="utf-8")
    assert run("--check", old).returncode == 1
    assert run(old).returncode == 0
    assert old.read_text(encoding="utf-8") == text


def test_a_file_without_the_marks_stays_untouched(tmp_path):
    other = tmp_path / "other.md"
    other.write_text("nothing", encoding="utf-8")
    done = run(other)
    assert done.returncode == 1 and "lacks the marks" in done.stderr
    assert other.read_text(encoding="utf-8") == "nothing"
