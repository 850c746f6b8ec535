"""Who may import whom, read from the imports themselves; and what must import without torch or PortAudio."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rtrave"
LEAVES = {"errors", "settings"}
CORE = {"engine", "control"}
# Part of the package (a folder or a module) to what it may import besides itself and the leaves; an entry
# with a dot allows that module alone.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": set(),
    "layers": set(),
    "model": {"layers"},
    "streaming": {"model", "layers"},
    "control": set(),
    "sound_file": set(),
    "levels": set(),
    "resample": set(),
    "denormals": set(),
    "mixer": {"control", "levels"},
    "engine": {"control", "mixer", "levels", "streaming", "model.spec", "model.latent_space"},
    "audio": CORE | {"levels", "resample", "denormals"},
    "osc": CORE,
    "session": CORE,
    "web": CORE | {"osc"},
    "sound_latents": CORE | {"streaming", "sound_file"},
    "surfaces": {"control"},
    "render": CORE | {"denormals", "streaming", "model", "sound_file"},
    "train": {"model", "layers", "streaming", "sound_file", "levels"},
    "export": {"model", "layers", "streaming"},
    "bench": CORE,
    "plot": CORE | {"session"},
    "live": CORE | {"audio", "osc", "web", "session", "streaming", "model", "sound_file", "sound_latents"},
}
UNBOUND = {"cli", "__init__", "__main__"}
ONLY_IN = {"sounddevice": "audio", "pythonosc": "osc", "websockets": "web", "zeroconf": "web"}
# Parts that live playing needs; everything in them, and these modules of parts that hold torch code as well.
WITHOUT_TORCH = (
    "control",
    "sound_file",
    "sound_latents",
    "levels",
    "resample",
    "denormals",
    "mixer",
    "engine",
    "audio",
    "osc",
    "session",
    "surfaces",
    "web",
    "live",
)
MODULES_WITHOUT_TORCH = ("model.spec", "model.latent_space", "streaming.onnx_stream", "streaming.routed")


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
        if part not in MAY_IMPORT and part not in UNBOUND:
            found.append(f"{path.name}: no rule for the part {part!r}: give it a place in MAY_IMPORT")
            continue
        for line, name in imported(path, package):
            top, _, rest = name.partition(".")
            if top in ONLY_IN and part != ONLY_IN[top]:
                found.append(f"{part}/{path.name}:{line}: {top} is for {ONLY_IN[top]} alone")
            if top != "rtrave" or not rest or part in UNBOUND:
                continue
            allowed = MAY_IMPORT[part] | LEAVES | {part}
            if not any(rest == entry or rest.startswith(f"{entry}.") for entry in allowed):
                found.append(f"{part}/{path.name}:{line}: {part} may not import {name}")
    return found


def run_python(code: str) -> None:
    """Run `code` in a fresh interpreter; its error is the test's."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_order():
    assert breaches(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("session/x.py", "from rtrave.audio.shared import Ring"),
        ("session/x.py", "def late():\n    from rtrave import audio"),
        ("session/x.py", "from ..osc import server"),
        ("osc/x.py", "import rtrave.audio"),
        ("engine.py", "from rtrave.model.rave import Model"),
        ("engine.py", "from rtrave.model import rave"),
        ("control/deep/x.py", "from rtrave.engine import Engine"),
        ("layers/x.py", "from rtrave.model.spec import ModelSpec"),
        ("settings.py", "from rtrave.control import parameter"),
        ("live.py", "import sounddevice"),
        ("audio/x.py", "from pythonosc.osc_message import OscMessage"),
        ("somewhere/x.py", "import os"),
    ],
)
def test_a_breach_is_found(tmp_path, file, code):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
    assert len(breaches(tmp_path)) == 1


def test_what_is_allowed_is_no_breach(tmp_path):
    (tmp_path / "engine.py").write_text("from rtrave.model.spec import X\nfrom rtrave.model import spec")
    (tmp_path / "cli.py").write_text("import rtrave\nfrom rtrave import live\nimport torch")
    assert breaches(tmp_path) == []


def test_live_parts_import_without_torch():
    names = {module_name(path, PACKAGE) for path in PACKAGE.rglob("*.py")}
    playing = {name for name in names if name.split(".")[0] in WITHOUT_TORCH}
    assert {"control.vector", "session.writer"} <= playing
    lines = ["import sys", "sys.modules['torch'] = None"]
    lines += [f"import rtrave.{name}" for name in sorted(playing | names.intersection(MODULES_WITHOUT_TORCH))]
    run_python("\n".join(lines))


def test_a_block_on_torch_is_felt():
    with pytest.raises(AssertionError, match="torch"):
        run_python("import sys\nsys.modules['torch'] = None\nimport rtrave.layers.conv")


def test_package_imports_without_portaudio_and_torch():
    run_python("import sys\nsys.modules['sounddevice'] = sys.modules['torch'] = None\nimport rtrave")
