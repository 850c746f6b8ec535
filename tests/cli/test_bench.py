"""`rtrave bench`: its JSON and text, the refusal on a busy computer, and the recommendation."""

import json

import pytest
import torch

from rtrave.cli import bench, main
from tests.third_party_scripts import Effect, save

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


def test_text(capsys):
    assert main(["bench", "--hops", "5", "--force", "--threads", "2"]) == 0
    printed = capsys.readouterr().out
    for part in ("strings: hop 2048 samples (46.44 ms), 2 threads, float32, 5 hops", "memory floor", "verdict"):
        assert part in printed


def test_a_busy_computer_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(bench, "busy_cores", lambda: 1.3)
    assert main(["bench", "strings"]) == 1
    error = capsys.readouterr().err
    assert "other programs that keep 1.3 cores busy" in error and "--force" in error and error.count("\n") == 1


def test_a_model_that_does_not_fit_gets_another_setting(monkeypatch, capsys):
    """The verdict is made to fail for one thread and to succeed for two."""

    def fake_verdict(times, hop_ms):
        fake_verdict.calls += 1
        return "does not fit" if fake_verdict.calls < 3 else "fits with margin"

    fake_verdict.calls = 0
    monkeypatch.setattr(bench, "verdict", fake_verdict)
    monkeypatch.setattr(bench.os, "cpu_count", lambda: 2)
    assert main(["bench", "strings", "--hops", "5", "--force", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"] == "does not fit"
    assert facts["recommended"] == {"threads": 2, "hop": 2048}


def test_a_third_party_torchscript_is_refused_as_the_model(tmp_path, capsys):
    path = save(Effect(), tmp_path)
    assert main(["bench", str(path), "--force"]) == 1
    assert f"got the third-party TorchScript '{path}'" in capsys.readouterr().err
