"""The wheel contains every file of the package, and the pins satisfy the package's requirements."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import rtrave

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rtrave", folder / "source" / "rtrave", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", folder, folder / "source"], check=True, capture_output=True, timeout=100)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    package = ROOT / "rtrave"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    assert "rtrave/assets/demo.flac" in files and "rtrave/py.typed" in files
    assert files - set(wheel.namelist()) == set()


def test_nothing_else_is_in_the_wheel(wheel):
    folders = {name.split("/")[0] for name in wheel.namelist()}
    assert folders == {"rtrave", f"rtrave-{rtrave.__version__}.dist-info"}


def test_command_and_licence(wheel):
    info = f"rtrave-{rtrave.__version__}.dist-info"
    assert "rtrave = rtrave.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "MIT License" in wheel.read(f"{info}/licenses/LICENSE").decode()


def test_version_is_the_same_everywhere():
    assert PROJECT["version"] == rtrave.__version__
    assert f"{rtrave.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_requirement_has_a_pin_that_satisfies_it():
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    requirements = [Requirement(text) for text in texts]
    pinned = pins()
    assert len(requirements) >= 13
    for requirement in requirements:
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_indirect_requirement_has_a_pin():
    from importlib.metadata import requires

    pinned, open_names, seen = pins(), [Requirement(text).name for text in PROJECT["dependencies"]], set()
    while open_names:
        name = canonicalize_name(open_names.pop())
        if name in seen:
            continue
        seen.add(name)
        assert name in pinned, f"{name} has no pin in constraints.txt"
        indirect = [Requirement(text) for text in requires(name) or []]
        open_names += [r.name for r in indirect if r.marker is None or r.marker.evaluate({"extra": ""})]
