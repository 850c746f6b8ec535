"""`rtrave bench`: every field it promises, and no timing on a busy computer."""

import json

import pytest
import torch

from rtrave.cli import bench, main

FIELDS = {
    "name", "hop", "hop_ms", "median_ms", "p99_ms", "p999_ms", "real_time_factor", "threads", "precision",
    "weights_bytes", "read_bandwidth_gbs", "floor_ms", "against", "verdict", "recommended", "hops", "busy_cores",
}  # fmt: skip


class Echo(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clone()


def test_json(tmp_path, capsys):
    torch.jit.script(Echo()).save(tmp_path / "echo.ts")
    assert main(["bench", "strings", "--hops", "12", "--force", "--json", "--against", str(tmp_path / "echo.ts")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == FIELDS
    assert set(facts["against"]) == {"name", "median_ms", "p99_ms", "p999_ms", "hops", "ratio"}
    assert (facts["hop"], facts["hops"], facts["threads"], facts["precision"]) == (2048, 12, 1, "float32")
    assert facts["floor_ms"] == pytest.approx(facts["weights_bytes"] / facts["read_bandwidth_gbs"] / 1e6, rel=0.01)
    assert facts["real_time_factor"] == pytest.approx(facts["hop_ms"] / facts["median_ms"], rel=0.01)
    assert facts["against"]["ratio"] > 1  # an echo is faster than a network


def test_words(capsys):
    assert main(["bench", "--hops", "5", "--force", "--threads", "2"]) == 0
    told = capsys.readouterr().out
    for part in ("strings: hop 2048 samples (46.44 ms), 2 threads, float32, 5 hops", "memory floor", "verdict"):
        assert part in told


def test_a_busy_computer_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(bench, "busy_cores", lambda: 1.3)
    assert main(["bench", "strings"]) == 1
    told = capsys.readouterr().err
    assert "other programs keep 1.3 cores busy" in told and "--force" in told and told.count("\n") == 1


def test_a_model_that_does_not_fit_gets_another_setting(monkeypatch, capsys):
    """With one thread nothing fits here, with two it does."""

    def judged(times, hop_ms):
        judged.calls += 1
        return "does not fit" if judged.calls < 3 else "fits with margin"

    judged.calls = 0
    monkeypatch.setattr(bench, "verdict", judged)
    monkeypatch.setattr(bench.os, "cpu_count", lambda: 2)
    assert main(["bench", "strings", "--hops", "5", "--force", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "does not fit"
    assert facts["recommended"] == {"threads": 2, "hop": 2048}
