"""Models of RAVE's own code, opened from run folder and TorchScript, equal RAVE's stored outputs.

The cases are the first ones of scripts/interop. A case that `scripts/interop` has not made is skipped, so the suite
needs neither network nor RAVE's code.
"""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "scripts" / "interop_tools"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CASES = Path(os.environ.get("RTRAVE_INTEROP") or CACHE / "rtrave" / "interop") / "cases"


def tool(name):
    """Import a module of scripts/interop_tools."""
    spec = importlib.util.spec_from_file_location(f"interop_{name}", TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


FIRST = tool("cases").FIRST


@pytest.mark.parametrize("case", FIRST[::2])  # a selection; scripts/interop compares all cases
def test_equals_upstream(case):
    if not (CASES / case / "meta.json").exists():
        pytest.skip("scripts/interop has not made this model")
    outcomes = tool("compare").compare(CASES / case)
    assert outcomes
    for outcome in outcomes:
        assert outcome.equal, f"{outcome.source}: {outcome.error or outcome.errors}"
