"""Short runs of the checks of scripts/soak-osc."""

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "soak-osc"


@pytest.fixture(scope="module")
def soak():
    loader = importlib.machinery.SourceFileLoader("soak_osc", str(SCRIPT))
    spec = importlib.util.spec_from_loader("soak_osc", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["burst", "torn"])
def test_it_holds(soak, name):
    assert soak.CHECKS[name](True)


def test_a_miss_is_reported(soak, capsys):
    assert not soak.report("x", False, "why")
    assert capsys.readouterr().out == "MISS x: why\n"
