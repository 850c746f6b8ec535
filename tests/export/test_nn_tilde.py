"""Export for nn~: equality with `rtrave.stream(compat="nn~")`, the nn~ contract, and the errors."""

import importlib.util
import sys
import warnings

import pytest
import torch

from rtrave.cli import main
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from rtrave.streaming.open_stream import stream
from tests.reference import DATA, peak_error
from tests.tiny import tiny_model

with_package = pytest.mark.skipif(importlib.util.find_spec("nn_tilde") is None, reason="needs the package nn-tilde")


def torch_noise(kind, latent_frame, shape):
    """Draw as the exported script does: from torch's generator, in the script's order, time-major."""
    if kind == "synth":
        batch, width, rows = shape
        return torch.rand(batch, rows, width).numpy().transpose(0, 2, 1)
    return torch.randn(shape[0], 1, shape[1]).numpy()[:, 0]


def exported(model, path):
    from rtrave.export.nn_tilde import export_nn_tilde

    export_nn_tilde(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lambda: torch.jit.load(str(path))


@with_package
@pytest.mark.parametrize("case", ["tiny stereo", "brave", "v1_causal", "v2_small", "v2_spherical_causal", "discrete"])
@torch.no_grad()
def test_equals_the_stream(tmp_path, case):
    model = tiny_model(2) if case == "tiny stereo" else load(DATA / case)
    opened = exported(model, tmp_path / "model.ts")
    ratio, batch = model.spec.ratio, 3
    x = torch.randn(batch, model.spec.channels, 6 * ratio, generator=torch.Generator().manual_seed(0))
    script = opened()
    torch.manual_seed(1)
    y = torch.cat([script(block) for block in x.split([ratio, 2 * ratio, 3 * ratio], 2)], 2)
    live = stream(model, batch=batch, backend="torch", compat="nn~", noise=torch_noise)
    torch.manual_seed(1)
    assert peak_error(y.numpy(), live.process(x.numpy())) < 1e-4

    live.reset()
    script = opened()
    compressed = torch.cat([script.encode(block) for block in x.split([2 * ratio, 4 * ratio], 2)], 2)
    z = torch.from_numpy(live.encode(x.numpy()))
    if case != "discrete":
        assert peak_error(compressed.numpy(), model.postprocess(z).numpy()) < 1e-4
    torch.manual_seed(2)
    y = torch.cat([script.decode(block) for block in compressed.split([1, 5], 2)], 2)
    torch.manual_seed(2)
    assert peak_error(y.numpy(), live.decode(model.preprocess(compressed, torch_noise).numpy())) < 1e-4


@with_package
def test_methods_and_shapes_follow_the_nn_contract(tmp_path):
    model = tiny_model()
    script = exported(model, tmp_path / "tiny.ts")()
    assert script.get_methods() == ["encode", "decode", "forward"]
    assert script.encode_params.tolist() == [1, 1, 4, 128]
    assert script.decode_params.tolist() == [4, 128, 1, 1]
    assert script.get_sample_rate() == 44100


@with_package
def test_the_command_prints_the_licence_note(tmp_path, capsys):
    save_native(tiny_model(), tmp_path / "tiny.safetensors")
    command = ["export", str(tmp_path / "tiny.safetensors"), str(tmp_path / "tiny"), "--format", "nn-tilde"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "CC BY-NC" in printed.err
    assert printed.out == f"{tmp_path / 'tiny.ts'}\n"
    assert main(command) == 1
    assert "exists: give another name" in capsys.readouterr().err


def test_without_the_package_one_line_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "nn_tilde", None)
    assert main(["export", "strings", str(tmp_path / "s.ts"), "--format", "nn-tilde"]) == 1
    error = capsys.readouterr().err
    assert "pip install --no-deps nn-tilde==1.6.0" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_steps_several_frames_is_refused(tmp_path, monkeypatch):
    from rtrave.errors import RtraveError
    from rtrave.export import nn_tilde
    from rtrave.model.rave import Model

    monkeypatch.setattr(nn_tilde, "find_package", lambda: type("Package", (), {"Module": torch.nn.Module}))
    monkeypatch.setattr(Model, "frames_per_step", 8)
    with pytest.raises(RtraveError, match="got one that steps 8: export it with --format onnx"):
        nn_tilde.export_nn_tilde(tiny_model(), tmp_path / "x.ts")
