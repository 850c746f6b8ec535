"""The discriminator of a checkpoint gives the output of RAVE's own and stays out of playing and saving.

`discriminators.json` holds the output of RAVE's own classes for the same seeded weights and audio.
"""

import json
import shutil

import pytest
import torch

from rtrave.errors import RtraveError
from rtrave.model.discriminator import Discriminator
from rtrave.model.formats.discriminator_views import read_views
from rtrave.model.formats.gin import Config
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from rtrave.model.weights import fingerprint
from tests.reference import DATA

CASES = json.loads((DATA / "discriminators.json").read_text())


def seeded(case):
    """Return random weights, in the order of their names, and audio."""
    generator = torch.Generator().manual_seed(7)
    entries = {}
    for name, shape in case["shapes"].items():
        if name.endswith("window"):
            entries[name] = torch.hann_window(*shape)
        else:
            value = torch.randn(shape, generator=generator)
            entries[name] = value.abs() + 0.5 if name.endswith("weight_g") else value
    return entries, torch.randn(1, case["channels"], 1501, generator=generator)


def built(case, entries, **bindings):
    return Discriminator(entries, read_views(Config({**case["bindings"], **bindings}, DATA / "config.gin"), entries))


@pytest.mark.parametrize("name", CASES)
def test_feature_maps_are_those_of_rave(name):
    case = CASES[name]
    entries, x = seeded(case)
    discriminator = built(case, entries)
    with torch.no_grad():
        views = discriminator(x)
    assert [len(maps) for maps in views] == [len(maps) for maps in case["maps"]]
    for maps, expected in zip(views, case["maps"], strict=True):
        for output, facts in zip(maps, expected, strict=True):
            assert list(output.shape) == facts["shape"]
            rms = output.square().mean().sqrt()
            torch.testing.assert_close(rms.item(), facts["rms"], rtol=1e-4, atol=1e-5)
            for value, key in ((output.mean(), "mean"), (output.flatten()[-1], "last")):
                torch.testing.assert_close(value.item(), facts[key], rtol=1e-3, atol=1e-4 * max(facts["rms"], 1))
    assert discriminator.state_dict().keys() == entries.keys()


@pytest.mark.parametrize(
    "bindings",
    [
        {"scales/discriminator.ConvNet.stride": 3},
        {"discriminator.MultiPeriodDiscriminator.periods": [3, 5]},
    ],
)
def test_the_configuration_matters(bindings):
    case = CASES["scales and periods in stereo"]
    entries, x = seeded(case)
    views = built(case, entries, **bindings)(x)
    shapes = [[list(output.shape) for output in maps] for maps in views]
    assert shapes != [[facts["shape"] for facts in maps] for maps in case["maps"]]


def test_gradients_reach_every_weight():
    case = CASES["scales"]
    entries, x = seeded(case)
    discriminator = built(case, entries)
    sum(maps[-1].mean() for maps in discriminator(x)).backward()
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


@pytest.fixture
def folder(tmp_path):
    """Run folder whose checkpoint and configuration have a discriminator."""
    folder = shutil.copytree(DATA / "v2_causal", tmp_path / "run")
    path = folder / "version_0" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    entries, _ = seeded(CASES["scales"])
    checkpoint["state_dict"] |= {f"discriminator.{name}": value for name, value in entries.items()}
    torch.save(checkpoint, path)
    config = folder / "config.gin"
    lines = [line for line in config.read_text().splitlines() if "iscriminator" not in line]
    lines += ["scales/discriminator.ConvNet.stride = 4"]
    lines += ["discriminator.MultiScaleDiscriminator.convnet = @scales/discriminator.ConvNet"]
    config.write_text("\n".join(lines) + "\n")
    return folder


def test_load_brings_it_and_keeps_it_apart(folder, tmp_path):
    model, plain = load(folder), load(DATA / "v2_causal")
    assert plain.discriminator is None
    entries, x = seeded(CASES["scales"])
    assert model.discriminator.state_dict().keys() == entries.keys()
    assert len(model.discriminator(x)) == 3
    assert model.state_dict().keys() == plain.state_dict().keys()
    assert fingerprint(model) == fingerprint(plain)
    save_native(model, tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").discriminator is None


def test_an_unreadable_discriminator_leaves_the_model_playable(folder):
    config = folder / "config.gin"
    config.write_text(config.read_text().replace("ConvNet.stride = 4", "ConvNet.stride = 'wide'"))
    with pytest.warns(
        UserWarning, match=r"best\.ckpt.: its discriminator is left out: .*config\.gin.: expected a discriminator"
    ):
        model = load(folder)
    assert model.discriminator is None


def without_kernel(entries):
    del entries["layers.0.net.0.weight_v"]


def with_more(entries):
    entries["layers.9.other"] = torch.zeros(1)


def of_no_kind(entries):
    entries.clear()
    entries["memory.weight"] = torch.zeros(1)


def with_nan(entries):
    entries["layers.1.net.2.bias"][0] = torch.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_kernel, r"'layers\.0\.net\.0': expected the weights of a convolution, got none"),
        (with_more, "expected a discriminator|expected the weights of a convolution"),
        (of_no_kind, "expected a known kind, got one of memory"),
        (with_nan, "expected finite numbers, got NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    entries, _ = seeded(CASES["scales"])
    change(entries)
    with pytest.raises(RtraveError, match=message):
        built(CASES["scales"], entries)


def test_too_few_periods_are_refused():
    case = CASES["scales and periods in stereo"]
    entries, _ = seeded(case)
    with pytest.raises(RtraveError, match="expected a discriminator"):
        built(case, entries, **{"discriminator.MultiPeriodDiscriminator.periods": [2]})
