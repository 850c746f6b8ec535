"""A run folder is parsed, never executed; one line names what cannot be built."""

import os
import shutil

import pytest
import torch

from rtrave.errors import RtraveError
from rtrave.model.formats.gin import read_gin
from rtrave.model.formats.run_folder import load_run_folder
from tests.reference import DATA


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(DATA / "v2_causal", tmp_path / "run")


def checkpoint(folder):
    return folder / "version_0" / "checkpoints" / "best.ckpt"


def test_facts(folder):
    spec = load_run_folder(folder).spec
    assert (spec.name, spec.sample_rate, spec.ratio, spec.channels) == ("run", 44100, 2048, 1)
    assert (spec.delay, spec.acoustic_delay, spec.full_latent_size) == (1696, 2224, 16)
    assert spec.causal


def test_macros_and_scopes_are_resolved(folder):
    config = read_gin(folder / "config.gin")
    assert config["blocks.EncoderV2.capacity"] == 6
    assert config["model.RAVE.sampling_rate"] == 44100
    assert config["convs.get_padding.mode"] == "causal"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "get_padding.mode = 'causal'",
            "get_padding.mode = 'sideways'",
            "convs.get_padding.mode: expected causal or centered or None, got sideways",
        ),
        (
            "@blocks.VariationalEncoder",
            "@blocks.DiscreteEncoder",
            "num_quantizers: expected a positive whole number, got None",
        ),
        (
            "@blocks.VariationalEncoder",
            "@blocks.MysteryEncoder",
            "model.RAVE.encoder: .* got @blocks.MysteryEncoder: it cannot",
        ),
        ("noise_module = None", "noise_module = @blocks.Hiss", "noise_module: .* got @blocks.Hiss: it cannot be built"),
        (
            "EncoderV2.spectrogram = None",
            "EncoderV2.spectrogram = @x.MelSpectrogram()",
            "spectrogram: expected None, got @x.MelSpectrogram",
        ),
        ("input_mode = 'pqmf'", "input_mode = 'mel'", "model.RAVE.input_mode: .* got mel: it cannot be built"),
        ("GeneratorV2.recurrent_layer = None", "GeneratorV2.recurrent_layer = @blocks.GRU", "GRU: it cannot be built"),
        ("CAPACITY = 6", "CAPACITY = 7", "of shape .*, got"),
        ("CAPACITY = 6", "CAPACITY = 'six'", "expected a positive whole number, got 'six'"),
        ("RATIOS = [4, 4, 4, 2]", "RATIOS = [4, 4]", "expected dilations for the ratios"),
        ("KERNEL_SIZE = 3", "KERNEL_SIZE = ", "cannot read"),
    ],
)
def test_what_does_not_fit_is_refused(folder, old, new, message):
    path = folder / "config.gin"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RtraveError, match=message) as refused:
        load_run_folder(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("keep", [0, 1, 17, 100_000])
def test_a_truncated_checkpoint_is_refused(folder, keep):
    checkpoint(folder).write_bytes(checkpoint(folder).read_bytes()[:keep])
    with pytest.raises(RtraveError, match="expected a checkpoint, got a damaged file") as refused:
        load_run_folder(folder)
    assert "\n" not in str(refused.value)


class Hostile:
    def __reduce__(self):
        return os.mkdir, (os.environ["HOSTILE_FOLDER"],)


def test_a_pickle_with_code_is_not_executed(folder, monkeypatch, tmp_path):
    trap = tmp_path / "executed"
    monkeypatch.setenv("HOSTILE_FOLDER", str(trap))
    torch.save({"state_dict": {"a": Hostile()}}, checkpoint(folder))
    with pytest.raises(RtraveError, match="a pickle can run code"):
        load_run_folder(folder)
    assert not trap.exists()


def test_a_missing_part_is_named(folder):
    (folder / "config.gin").unlink()
    with pytest.raises(RtraveError, match=r"expected config\.gin, got none"):
        load_run_folder(folder)
    shutil.copy(DATA / "v2_causal" / "config.gin", folder)
    checkpoint(folder).unlink()
    with pytest.raises(RtraveError, match=r"expected version_N/checkpoints/\*\.ckpt, got none"):
        load_run_folder(folder)
