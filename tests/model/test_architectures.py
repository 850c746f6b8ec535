"""Each named architecture builds, has the delay of the contract, and is recognised by its network."""

from dataclasses import replace

import pytest
import torch

from rtrave.errors import RtraveError
from rtrave.model.architectures import architecture_names, architecture_of, load_architecture, read_architecture
from rtrave.model.rave import Model


@pytest.mark.parametrize("name", architecture_names())
@pytest.mark.parametrize("padding", ["causal", "centered"])
@torch.no_grad()
def test_builds_plays_and_is_named(name, padding):
    network = load_architecture(name)
    small = replace(
        network,
        encoder=replace(network.encoder, capacity=2),
        decoder=replace(network.decoder, capacity=2),
        latent_size=4,
        padding=padding,
    )
    model = Model(small, name, 44100).eval()
    assert architecture_of(small) == name
    assert model.spec.architecture == name
    x = 0.1 * torch.randn(1, 1, 4 * network.ratio, generator=torch.Generator().manual_seed(0))
    y = model(x)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert torch.isfinite(model(torch.zeros_like(x))).all()
    assert (model.spec.delay > 0) or name == "brave"


def test_an_unknown_key_is_named(tmp_path):
    (tmp_path / "new.toml").write_text("latent_size = 4\ncolour = 'red'\n")
    with pytest.raises(RtraveError, match=r"new.toml: expected the keys .*, got 'colour'"):
        read_architecture(tmp_path / "new.toml")
    (tmp_path / "new.toml").write_text("[encoder]\nversion = 2\ncapacity = 2\nratios = [2]\nshape = 1\n")
    with pytest.raises(RtraveError, match=r"new.toml.encoder: expected the keys .*, got 'shape'"):
        read_architecture(tmp_path / "new.toml")


def test_a_missing_key_is_named(tmp_path):
    (tmp_path / "new.toml").write_text("latent_size = 4\n")
    with pytest.raises(RtraveError, match=r"expected encoder, decoder, .*, got none"):
        read_architecture(tmp_path / "new.toml")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(RtraveError, match=r"architecture: expected one of brave, discrete, .*, got 'v9'"):
        load_architecture("v9")


def test_what_cannot_be_built_is_refused():
    v1 = load_architecture("v1")
    with pytest.raises(RtraveError, match="loudness head: expected stride 1, got 2"):
        Model(replace(v1, decoder=replace(v1.decoder, loud_stride=2)), "v1", 44100)
