"""Imports between the rooms, read from the source, and modules that must import without torch or PortAudio."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import rtrave

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rtrave"
ROOMS = tomllib.loads((ROOT / "docs" / "rooms.toml").read_text(encoding="utf-8"))
LEAVES = {"errors", "settings"}
UNBOUND = {"__init__", "__main__"}
ONLY_IN = {library: name for name, room in ROOMS.items() for library in room.get("only_here", ())}
# Functions that the package offers or will offer: a room of that name would hide them.
PUBLIC_FUNCTIONS = {"load", "stream", "live", "models", "sounds", "batch"}


def module_name(path: Path, package: Path) -> str:
    """Return the name below `rtrave`, for example "session.writer"; "__init__" for the package itself."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imported(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, full module name) of every import in a file, wherever it stands in it."""
    here = ("rtrave", *path.relative_to(package).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            # "from rtrave import x" and "from rtrave.model import spec" name modules, too.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def breaches(package: Path) -> list[str]:
    """List every import in `package` that the order does not allow."""
    found = []
    for path in sorted(package.rglob("*.py")):
        part = module_name(path, package).split(".")[0]
        if part not in ROOMS and part not in UNBOUND:
            found.append(f"{path.name}: no room {part!r}: give it a place in docs/rooms.toml")
            continue
        listed = set(ROOMS[part]["imports"]) if part in ROOMS else {"*"}
        for line, name in imported(path, package):
            top, _, rest = name.partition(".")
            if top in ONLY_IN and part != ONLY_IN[top]:
                found.append(f"{part}/{path.name}:{line}: {top} is for {ONLY_IN[top]} alone")
            if top != "rtrave" or not rest or "*" in listed:
                continue
            allowed = listed | LEAVES | {part}
            if not any(rest == entry or rest.startswith(f"{entry}.") for entry in allowed):
                found.append(f"{part}/{path.name}:{line}: {part} may not import {name}")
    return found


def run_python(code: str) -> None:
    """Run `code` in a fresh interpreter; an error there fails the test."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_imports_follow_the_table():
    assert breaches(PACKAGE) == []


def test_the_table_points_downwards():
    order = list(ROOMS)
    upwards = [
        (name, other)
        for name, room in ROOMS.items()
        for other in room["imports"]
        if other != "*" and order.index(other.split(".")[0]) <= order.index(name)
    ]
    assert upwards == []


def test_every_room_of_the_table_exists():
    existing = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert existing - UNBOUND == set(ROOMS)


def test_no_room_hides_a_public_function():
    public = set(rtrave.__all__) | PUBLIC_FUNCTIONS
    assert not public.intersection(ROOMS)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("session/x.py", "from rtrave.audio.shared_memory import Ring"),
        ("session/x.py", "def late():\n    from rtrave import audio"),
        ("session/x.py", "from ..osc import server"),
        ("osc/x.py", "import rtrave.audio"),
        ("engine/x.py", "from rtrave.model.rave import Model"),
        ("engine/x.py", "from rtrave.model import rave"),
        ("control/deep/x.py", "from rtrave.engine.engine import Engine"),
        ("layers/x.py", "from rtrave.model.spec import ModelSpec"),
        ("settings.py", "from rtrave.control import parameter"),
        ("player/x.py", "import sounddevice"),
        ("audio/x.py", "from pythonosc.osc_message import OscMessage"),
        ("somewhere/x.py", "import os"),
    ],
)
def test_a_breach_is_found(tmp_path, file, code):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
    assert len(breaches(tmp_path)) == 1


def test_an_allowed_import_is_no_breach(tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "x.py").write_text("from rtrave.model.spec import X\nfrom rtrave.model import spec")
    (tmp_path / "cli.py").write_text("import rtrave\nfrom rtrave import player\nimport torch")
    assert breaches(tmp_path) == []


def imports_without_torch(name: str) -> bool:
    """Look up in the table whether a module must import without torch."""
    part, _, rest = name.partition(".")
    without = ROOMS.get(part, {}).get("without_torch", False)
    return without is True or (without is not False and rest in without)


def test_the_modules_of_a_player_import_without_torch():
    names = {module_name(path, PACKAGE) for path in PACKAGE.rglob("*.py")}
    torch_free = {name for name in names if imports_without_torch(name)}
    assert {"control.vector", "session.writer", "backends.onnx", "model.spec"} <= torch_free
    lines = ["import sys", "sys.modules['torch'] = None"]
    lines += [f"import rtrave.{name}" for name in sorted(torch_free)]
    run_python("\n".join(lines))


def test_an_import_of_torch_fails_where_torch_is_blocked():
    with pytest.raises(AssertionError, match="torch"):
        run_python("import sys\nsys.modules['torch'] = None\nimport rtrave.layers.conv")


def test_package_imports_without_portaudio_and_torch():
    run_python("import sys\nsys.modules['sounddevice'] = sys.modules['torch'] = None\nimport rtrave")
