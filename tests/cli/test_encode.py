"""`rtrave encode` and `decode` give what the model gives for the whole recording, at any length."""

import numpy as np
import pytest
import soundfile
import torch

from rtrave.cli import main
from rtrave.model import offline
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from rtrave.model.latent_space import seeded_noise
from tests.reference import DATA, peak_error
from tests.tiny import tiny_model


@pytest.fixture
def tiny(tmp_path):
    save_native(tiny_model(2), tmp_path / "tiny.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 128 * 21 + 5)).astype(np.float32) / 8
    soundfile.write(tmp_path / "in.wav", x.T, 44100, "FLOAT")
    padded = np.pad(x, ((0, 0), (0, 123)))
    return tmp_path, load(tmp_path / "tiny.safetensors"), torch.from_numpy(padded)[None]


def inside(y):
    """Cut the edges: there the whole is padded layer by layer, and a stream continues from silence, or goes on."""
    return y[:, 1024:-128]


def run(folder, *arguments):
    return main([str(folder / a) if "." in a and a[0] != "-" and a != "0.5" else a for a in arguments])


@torch.no_grad()
@pytest.mark.parametrize("space", ["full", "compressed"])
def test_encode_and_decode(tiny, space):
    folder, model, x = tiny
    compressed = space == "compressed"
    options = ["--model", "tiny.safetensors", "--space", space, "--seed", "3"]
    assert run(folder, "encode", "in.wav", "z.npy", *options, "--temperature", "0.5") == 0
    z = np.load(folder / "z.npy")
    assert z.dtype == np.float32 and z.shape == (4, 22)
    assert peak_error(z, model.encode(x, compressed, 0.5, seed=3)[0].numpy()) < 1e-4
    assert run(folder, "decode", "z.npy", "y.wav", *options) == 0
    y, rate = soundfile.read(folder / "y.wav", dtype="float32")
    assert rate == 44100
    expected = model.decode(torch.from_numpy(z)[None], compressed, seed=3)[0].numpy()
    assert y.T.shape == expected.shape and peak_error(inside(y.T), inside(expected)) < 1e-4


def test_both_backends_agree(tiny):
    folder, _, _ = tiny
    found = []
    for backend in ("onnx", "torch"):
        options = ["--model", "tiny.safetensors", "--backend", backend, "--threads", "2"]
        assert run(folder, "encode", "in.wav", "z.npy", *options) == 0
        assert run(folder, "decode", "z.npy", "y.wav", *options) == 0
        found.append((np.load(folder / "z.npy"), soundfile.read(folder / "y.wav", dtype="float32")[0]))
    (z, y), (expected_z, expected_y) = found
    assert peak_error(z, expected_z) < 1e-4
    assert peak_error(inside(y.T), inside(expected_y.T)) < 1e-4


@torch.no_grad()
def test_missing_components_are_filled_from_the_seed(tiny):
    folder, model, _ = tiny
    z = np.random.default_rng(1).standard_normal((2, 19)).astype(np.float32)
    np.save(folder / "z.npy", z)
    sounds = []
    for seed in ("1", "1", "2"):
        options = ["--model", "tiny.safetensors", "--space", "compressed", "--seed", seed]
        assert run(folder, "decode", "z.npy", "y.wav", *options) == 0
        sounds.append(soundfile.read(folder / "y.wav", dtype="float32")[0])
    assert np.array_equal(sounds[0], sounds[1]) and not np.array_equal(sounds[0], sounds[2])
    expected = model.decode(torch.from_numpy(z)[None], preprocess=True, seed=1)[0].numpy()
    assert peak_error(inside(sounds[0].T), inside(expected)) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("case", ["v1", "v1_causal", "v2_small", "v2_causal_stereo_48k"])
def test_blocks_join(case, monkeypatch):
    """Small blocks, with the margin of long ones, equal the whole at once."""
    monkeypatch.setattr(offline, "BLOCK_SAMPLES", 8192)
    model = load(DATA / case)
    ratio = model.spec.ratio
    x = np.random.default_rng(0).standard_normal((model.spec.channels, 98304)).astype(np.float32) / 4
    z = np.concatenate(list(offline.encode_blocks(model, x, seed=5)), axis=1)
    whole = model.encode(torch.from_numpy(x)[None], seed=5)
    if whole.any():
        assert peak_error(z, whole[0].numpy()) < 1e-4
    z = np.random.default_rng(1).standard_normal(whole[0].shape).astype(np.float32)
    y = np.concatenate(list(offline.decode_blocks(model, z, seed=5)), axis=1)
    assert y.shape == (model.spec.channels, z.shape[1] * ratio)
    assert peak_error(y, model.decode(torch.from_numpy(z)[None], noise=seeded_noise(5))[0].numpy()) < 1e-4


def test_refused(tiny, capsys):
    folder, _, _ = tiny
    np.save(folder / "wide.npy", np.zeros((7, 3), np.float32))
    np.save(folder / "nan.npy", np.full((4, 3), np.nan, np.float32))
    np.save(folder / "flat.npy", np.zeros(4, np.float32))
    np.save(folder / "words.npy", np.array(["a"]))
    (folder / "no.npy").write_bytes(b"nothing")
    soundfile.write(folder / "empty.wav", np.zeros((0, 2), np.float32), 44100)
    model = ["--model", "tiny.safetensors"]
    for command, said in (
        (["encode", "in.wav", "z.txt"], "ends in .npy"),
        (["encode", "empty.wav", "z.npy"], "expected a sound, got 0 samples"),
        (["encode", "none.wav", "z.npy"], "cannot read"),
        (["encode", "in.wav", "z.npy", "--temperature", "-1"], "a number from 0 up"),
        (["decode", "wide.npy", "y.wav"], "latent frames] with at least one frame, got (7, 3)"),
        (["decode", "nan.npy", "y.wav"], "NaN or infinity"),
        (["decode", "flat.npy", "y.wav"], "expected the shape [4, latent frames]"),
        (["decode", "words.npy", "y.wav"], "expected an array of numbers"),
        (["decode", "no.npy", "y.wav"], "cannot read"),
        (["encode", "in.wav", "z.npy", "--device", "cuda"], "use --backend torch"),
        (
            ["encode", "in.wav", "z.npy", "--backend", "torch", "--device", "mars"],
            "--device: expected a device of PyTorch",
        ),
    ):
        assert run(folder, *command, *model) == 1, command
        printed = capsys.readouterr().err
        assert said in printed and printed.count("\n") == 1
    assert not (folder / "z.npy").exists() and not (folder / "y.wav").exists()
