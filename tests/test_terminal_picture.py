"""The picture of the terminal in README.md can be made again, and the one that is there is a picture of this screen."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
LABELS = ("latents", "latency", "compute", "timing", "faults", "OSC", "take", "model", "device")


def words(svg: str) -> str:
    """Return the text of a picture, checked to be well-formed."""
    return "".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")


def test_it_is_made_from_a_run(tmp_path):
    out = tmp_path / "screen.svg"
    command = [sys.executable, ROOT / "scripts" / "terminal-picture", "--seconds", "1", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    shown = words(out.read_text(encoding="utf-8"))
    assert "PLAYING" in shown and "REC" in shown and "strings (v2" in shown
    assert all(label in shown for label in LABELS)
    assert str(tmp_path) not in shown and "~/rtrave-sessions" in shown


def test_the_picture_shown_has_every_line_of_the_screen():
    svg = (ROOT / "docs" / "terminal.svg").read_text(encoding="utf-8")
    shown = words(svg)
    assert all(label in shown for label in LABELS)
    assert not re.search(r"https?://(?!www\.w3\.org)", svg)  # GitHub shows no picture's remote parts
