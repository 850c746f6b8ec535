"""The probe of a TorchScript file before it plays, and its notes for the user, one line each."""

import json

import pytest

from rtrave.backends.cache import MANIFEST
from rtrave.backends.opening import read_facts
from rtrave.backends.torchscript.facts import TorchScriptSpec, ensure_torchscript, open_torchscript
from tests.backends.torchscript.playing import probed_here
from tests.third_party_scripts import Autoencoder, Blur, Dice, Effect, Features, Troubled, save


@pytest.fixture
def reported():
    return []


def probed(script, folder, reported):
    return open_torchscript(probed_here(save(script, folder), report=reported.append))


def known(script):
    """Return the facts that a folder holds of a file, without the arrays that follow from them."""
    notes = [note for note in script.notes if "too slow to play live here" not in note]  # measured anew each time
    return script.spec, script.facts.model_hash, script.source, script.plan, script.attributes, notes


def test_effect(tmp_path, reported):
    spec = probed(Effect(), tmp_path, reported).spec
    assert reported == ["trying out effect.ts ..."]
    assert (spec.name, spec.sample_rate, spec.channels, spec.full_latent_size) == ("effect", 48000, 1, 0)
    assert (spec.delay, spec.acoustic_delay) == (2048, 2048)
    assert spec.streaming is True
    assert spec.attributes == {"gain": [0.8]}
    assert spec.capabilities == ("effect",)


def test_features(tmp_path, reported):
    script = probed(Features(), tmp_path, reported)
    assert len(reported) == 1
    assert (script.spec.sample_rate, script.spec.ratio, script.spec.full_latent_size) == (22050, 512, 4)
    assert script.spec.capabilities == ("latents", "encode")
    assert script.facts.shape.latent_frames == 4


def test_autoencoder_streams(tmp_path, reported):
    spec = probed(Autoencoder(), tmp_path, reported).spec
    assert spec.streaming is True
    assert spec.methods == ("encode", "decode")
    assert reported[1:] == ["autoencoder.ts reports no sample rate: 44100 Hz is assumed"]


def test_a_file_without_state_is_recognised(tmp_path, reported):
    assert probed(Blur(), tmp_path, reported).spec.streaming is False
    assert any("blur.ts does not stream" in line and "click every 46 ms" in line for line in reported)


def test_a_file_that_draws_numbers_is_recognised(tmp_path, reported):
    assert probed(Dice(), tmp_path, reported).spec.streaming is None
    assert any("draws random numbers" in line for line in reported)


def test_nan_is_reported(tmp_path, reported):
    class Nan(Troubled):
        def forward(self, x):
            return x / 0.0

    probed(Nan(), tmp_path, reported)
    assert reported[1:] == ["nan.ts gave NaN or infinity for noise: such blocks are played as silence"]


def test_a_known_file_is_not_probed_again_but_its_notes_are_reported(tmp_path, reported):
    first = probed(Blur(), tmp_path, reported)
    again = []
    assert probed(Blur(), tmp_path, again).spec == first.spec
    assert again == reported[1:]


def test_a_damaged_record_is_rebuilt(tmp_path, reported):
    path = save(Effect(), tmp_path)
    folder = probed_here(path)
    good = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text("{")
    assert probed_here(path, report=reported.append) == folder
    assert reported == ["trying out effect.ts ..."]
    record = json.loads((folder / MANIFEST).read_text())
    record["probed"]["found"]["hop_ms"] = good["probed"]["found"]["hop_ms"]  # a measured time, which differs
    assert record == good


def test_another_file_of_the_same_name_is_probed(tmp_path, reported):
    path = save(Effect(), tmp_path)
    first = probed_here(path)
    path.write_bytes(save(Features(), tmp_path).read_bytes())
    assert probed_here(path) != first


def test_the_worker_process_finds_the_same_facts(tmp_path):
    path = save(Autoencoder(), tmp_path)
    in_process = known(open_torchscript(probed_here(path)))
    for file in probed_here(path).iterdir():
        file.unlink()
    assert known(open_torchscript(ensure_torchscript(path))) == in_process


def test_its_folder_gives_the_facts_of_a_model(tmp_path):
    facts = read_facts(probed_here(save(Features(), tmp_path)))
    assert (facts.hop, facts.latent_pca.shape, facts.latent_mean.shape) == (2048, (4, 4), (4,))
    assert TorchScriptSpec.from_json(json.loads(json.dumps(facts.spec.to_json()))) == facts.spec
