"""A cached model plays live with torch blocked from import, in both processes."""

import os

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.model.registry import find_model
from tests.player.running import rtrave


def test_live_plays(tmp_path):
    ensure_graph(find_model("strings"), GraphShape())
    blocked = tmp_path / "blocked"
    (blocked / "torch").mkdir(parents=True)
    (blocked / "torch" / "__init__.py").write_text("raise ImportError('torch is blocked')")
    environment = {**os.environ, "PYTHONPATH": str(blocked)}
    done = rtrave("live", "--device", "null", "--duration", 2, "--osc-port", 0, env=environment)
    assert done.returncode == 0, done.stderr
    assert "hops; late 0" in done.stdout
    shown = rtrave("models", env=environment)
    assert "strings" in shown.stdout
