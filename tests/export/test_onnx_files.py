"""Exported ONNX graphs, run by ONNX Runtime alone as docs/formats.md describes, equal `rtrave.stream`."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from rtrave.cli import main
from rtrave.export.onnx_files import export_onnx
from rtrave.model.formats.native import save_native
from rtrave.streaming.open_stream import stream
from tests.reference import peak_error
from tests.tiny import tiny_model


class StandaloneModel:
    """An independent player of the exported files, written from the description only, without rtrave."""

    def __init__(self, folder):
        self.facts = json.loads((folder / "model.json").read_text())
        self.sessions, self.states = {}, {}
        for part, facts in self.facts["parts"].items():
            self.sessions[part] = onnxruntime.InferenceSession(folder / facts["file"])
            self.states[part] = {
                state["input"]: np.zeros(state["shape"], np.float32)
                if state["initial"] is None
                else np.array(state["initial"], np.float32)
                for state in facts["states"]
            }

    def run(self, part, **inputs):
        facts = self.facts["parts"][part]
        names = [*facts["outputs"], *(state["output"] for state in facts["states"])]
        found = dict(zip(names, self.sessions[part].run(names, inputs | self.states[part]), strict=True))
        self.states[part] = {state["input"]: found[state["output"]] for state in facts["states"]}
        return found

    def process(self, x, draws):
        """Return latents [D, N] and output [C, T] of audio [C, T]; `draws(frame)` gives the decoder's random draws."""
        latents, outputs = [], []
        size = self.facts["ratio"] * self.facts["latent_frames"]
        for frame, start in enumerate(range(0, x.shape[1], size)):
            block = np.ascontiguousarray(x[None, :, start : start + size].transpose(0, 2, 1))
            z = self.run("encoder", x=block)["latent_mean"]
            latents.append(z[0].T)
            outputs.append(self.run("decoder", z=z, **draws(frame))["audio"][0].T)
        return np.concatenate(latents, axis=1), np.concatenate(outputs, axis=1)


@pytest.mark.parametrize("channels", [1, 2])
def test_standalone_equals_the_stream(tmp_path, channels):
    model = tiny_model(channels)
    export_onnx(model, tmp_path)
    x = np.random.default_rng(0).standard_normal((channels, 37 * 128)).astype(np.float32)
    z, y = StandaloneModel(tmp_path).process(x, lambda frame: {})
    live = stream(model, backend="torch")
    expected_z = live.encode(x[None])
    assert peak_error(z, expected_z[0]) < 1e-4
    assert peak_error(y, live.decode(expected_z)[0]) < 1e-4


def test_the_description_matches_the_model(tmp_path):
    model = tiny_model()
    written = export_onnx(model, tmp_path)
    assert sorted(path.name for path in written) == ["decoder.onnx", "encoder.onnx", "model.json"]
    facts = json.loads((tmp_path / "model.json").read_text())
    for name in ("sample_rate", "ratio", "channels", "latent_size", "full_latent_size", "delay", "acoustic_delay"):
        assert facts[name] == getattr(model.spec, name)
    pca, mean = np.array(facts["latent_pca"]), np.array(facts["latent_mean"])
    x = np.random.default_rng(1).standard_normal((1, 1, 512)).astype(np.float32)
    z = stream(model, backend="torch").encode(x)[0]
    compressed = model.postprocess(torch.from_numpy(z[None]))[0].numpy()
    assert peak_error(pca @ (z - mean[:, None]), compressed) < 1e-4
    assert facts["parts"]["encoder"]["inputs"] == {"x": [1, 128, 1]}
    assert facts["parts"]["decoder"]["outputs"] == {"audio": [1, 128, 1]}


def test_the_command_and_its_errors(tmp_path, capsys):
    save_native(tiny_model(), tmp_path / "tiny.safetensors")
    command = ["export", str(tmp_path / "tiny.safetensors"), str(tmp_path / "out"), "--format", "onnx"]
    assert main(command) == 0
    assert capsys.readouterr().out.count("\n") == 3
    assert main(command) == 1
    assert "out', which is not empty" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    capsys.readouterr()
    command[2] = str(tmp_path / "tiny.safetensors")
    assert main(command) == 1
    assert "got the file" in capsys.readouterr().err
