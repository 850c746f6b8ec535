"""A checkpoint finds its configuration and loads with all names of weight norm; averaged weights win."""

import os
import shutil

import pytest
import torch

from rtrave.backends.cache import hash_source
from rtrave.errors import RtraveError
from rtrave.model.formats.files import find_checkpoint, model_files
from rtrave.model.formats.load import load
from tests.reference import DATA


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(DATA / "v2_causal", tmp_path / "run")


def best(folder):
    return folder / "version_0" / "checkpoints" / "best.ckpt"


def rewrite(path, change):
    checkpoint = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, path)


def same(a, b):
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_bare_checkpoint_finds_its_configuration(folder):
    model = load(best(folder))
    assert same(model, load(folder))
    assert (model.name, model.source) == ("run", best(folder))


@pytest.mark.parametrize("depth", range(5))
def test_the_configuration_may_be_four_folders_up(folder, depth):
    place = folder.joinpath(*"abcd"[:depth])
    place.mkdir(parents=True, exist_ok=True)
    shutil.move(best(folder), place / "mine.ckpt")
    assert same(load(place / "mine.ckpt"), load(DATA / "v2_causal"))


def test_further_up_it_is_not_looked_for(folder):
    place = folder.joinpath(*"abcde")
    place.mkdir(parents=True)
    shutil.move(best(folder), place / "mine.ckpt")
    with pytest.raises(RtraveError, match=r"expected config\.gin in its folder or the 4 above it, got none"):
        load(place / "mine.ckpt")


def test_a_relative_path_finds_it_too(folder, monkeypatch):
    monkeypatch.chdir(best(folder).parent)
    assert load("best.ckpt").name == "run"


def test_a_checkpoint_can_be_chosen(folder):
    other = best(folder).with_name("epoch_1500000.ckpt")
    shutil.copy(best(folder), other)
    rewrite(other, lambda checkpoint: checkpoint["state_dict"]["latent_mean"].add_(1))
    torch.testing.assert_close(load(other).latent_mean, load(folder).latent_mean + 1, rtol=0, atol=0)


def test_the_best_of_the_latest_version_is_taken(folder):
    for version, name, age_s in ((2, "best.ckpt", 50), (10, "best.ckpt", 100), (10, "last.ckpt", 10)):
        path = folder / f"version_{version}" / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(best(folder), path)
        os.utime(path, (1e9 - age_s, 1e9 - age_s))
    assert find_checkpoint(folder) == folder / "version_10" / "checkpoints" / "best.ckpt"


def test_without_a_best_one_the_newest_is_taken(folder):
    for number, age_s in ((1, 30), (2, 10), (3, 20)):
        path = best(folder).with_name(f"epoch_{number}.ckpt")
        shutil.copy(best(folder), path)
        os.utime(path, (1e9 - age_s, 1e9 - age_s))
    best(folder).unlink()
    assert find_checkpoint(folder).name == "epoch_2.ckpt"


def averaged(checkpoint):
    names = [name for name in checkpoint["state_dict"] if name.endswith("weight_v")]
    checkpoint["callbacks"] = {"EMA": {name: checkpoint["state_dict"][name] * 0.5 for name in names}}


def test_averaged_weights_lie_over_the_others(folder):
    plain = load(folder).state_dict()
    rewrite(best(folder), averaged)
    for name, value in load(folder).state_dict().items():
        factor = 0.5 if name.endswith("weight_v") else 1.0
        torch.testing.assert_close(value, plain[name] * factor, rtol=0, atol=0)


def newer_names(checkpoint):
    names = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    for name in list(checkpoint["state_dict"]):
        stem, _, last = name.rpartition(".")
        if last in names:
            checkpoint["state_dict"][f"{stem}.{names[last]}"] = checkpoint["state_dict"].pop(name)


def test_weight_norm_has_an_old_and_a_new_name(folder):
    rewrite(best(folder), newer_names)
    assert same(load(folder), load(DATA / "v2_causal"))


@pytest.mark.parametrize("which", ["config.gin", "version_0/checkpoints/best.ckpt"])
def test_the_hash_of_a_model_is_of_both_files(folder, which):
    before = hash_source(folder), hash_source(best(folder))
    assert set(model_files(folder)) == {folder / "config.gin", best(folder)}
    with (folder / which).open("ab") as file:
        file.write(b"\n")
    after = hash_source(folder), hash_source(best(folder))
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_a_checkpoint_that_is_not_taken_does_not_change_the_hash(folder):
    before = hash_source(folder)
    best(folder).with_name("epoch_1.ckpt").write_bytes(b"x")
    assert hash_source(folder) == before
