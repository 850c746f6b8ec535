"""`rtrave info`: JSON with the documented fields, lines with the measured delays, one line for a wrong file."""

import json

import pytest

from rtrave.cli import main
from rtrave.cli.info import problems
from rtrave.model.formats.native import save_native
from rtrave.model.probe import Measured
from tests import third_party_scripts
from tests.reference import DATA
from tests.tiny import tiny_model

DOCUMENTED = {
    "name", "architecture", "regularisation", "sample_rate", "ratio", "channels", "latent_size", "full_latent_size",
    "delay", "acoustic_delay", "causal", "streaming", "parameters", "fidelity", "format",
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path):
    save_native(tiny_model(), tmp_path / "tiny.safetensors", "random weights")
    return tmp_path / "tiny.safetensors"


def test_json(tiny, capsys):
    assert main(["info", str(tiny), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    spec = tiny_model().spec
    assert set(facts) >= DOCUMENTED
    for name in DOCUMENTED - {"format", "fidelity", "streaming"}:
        assert facts[name] == getattr(spec, name), name
    assert facts["fidelity"] == pytest.approx(list(spec.fidelity))
    assert facts["format"] == "native" and facts["streaming"] is True and facts["problems"] == []
    assert facts["measured"]["delay"] == spec.delay
    assert facts["measured"]["acoustic_delay"] == spec.acoustic_delay
    assert facts["provenance"] == "random weights"


def test_words(tiny, capsys):
    assert main(["info", str(tiny)]) == 0
    text = capsys.readouterr().out
    spec = tiny_model().spec
    assert f"{spec.delay} samples" in text and f"{spec.acoustic_delay} reported" in text
    assert "verdict    plays live" in text


def test_noise_and_padding_are_reported(capsys):
    assert main(["info", str(DATA / "v1"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "run folder" and facts["noise_synthesiser"] == 1 and facts["causal"] is False


def test_a_third_party_torchscript(tmp_path, capsys):
    path = third_party_scripts.save(third_party_scripts.Blur(), tmp_path)
    assert main(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) >= DOCUMENTED
    assert facts["format"] == "script" and facts["streaming"] is False
    assert any("does not stream" in line for line in facts["problems"])
    assert main(["info", str(path)]) == 0
    assert "verdict    blur.ts does not stream" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.ts", "broken.ckpt", "broken.txt"])
def test_a_wrong_file_gives_one_line(tmp_path, capsys, name):
    (tmp_path / name).write_bytes(b"no model at all")
    assert main(["info", str(tmp_path / name)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and name in printed.err


def test_every_problem_has_its_line():
    spec = tiny_model().spec
    sick = Measured(1, spec.delay, 0, 0.5, 0.1, float("nan"))
    assert len(problems(spec, sick)) == 4
    assert problems(spec, Measured(0, spec.delay, spec.acoustic_delay - spec.delay, 0.0, 0.0, 0.0)) == []
