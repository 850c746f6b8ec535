"""Dropped components are filled with noise, as offline decoding fills them."""

import numpy as np
import pytest

from rtrave.model.latent_space import compress, draw_frames, expand, seeded_noise
from tests.engine.chain import Chain, latents


@pytest.mark.parametrize("space", [0, 1])
@pytest.mark.parametrize("fill", [0.0, 0.5, 1.0])
def test_the_first_components_stay_and_the_others_are_noise(space: int, fill: float) -> None:
    chain = Chain(5, seed=2, rotated=True)
    chain.set(dims=2, fill=fill, space=space)
    z = latents(5, 30)
    observed = compress(chain.play(z), chain.pca, chain.mean)
    drawn = draw_frames(seeded_noise(2), "fill", 0, (1, 3, 30))[0]
    assert np.allclose(observed[:2], compress(z, chain.pca, chain.mean)[:2], atol=1e-5)
    assert np.allclose(observed[2:], fill * drawn, atol=1e-5)


def test_all_components_are_exact() -> None:
    chain = Chain(5, rotated=True)
    chain.set(dims=5, fill=0.0)
    z = latents(5)
    assert np.array_equal(chain.play(z), z)


def test_it_equals_offline_decoding_of_the_first_components() -> None:
    import torch

    from tests.tiny import tiny_model

    model = tiny_model()
    z = latents(4, 20)
    chain = Chain(4, seed=3, space=(model.latent_pca.numpy(), model.latent_mean.numpy()))
    chain.set(dims=2)
    components = compress(z, chain.pca, chain.mean)[None, :2]
    offline = model.preprocess(torch.from_numpy(components), seeded_noise(3))[0].detach().numpy()
    assert np.allclose(chain.play(z), offline, atol=1e-5)


def test_edits_reach_the_filled_components() -> None:
    chain = Chain(3, rotated=True)
    chain.set(dims=1, fill=0.0, latent_bias=[0, 0, 2.0])
    observed = compress(chain.play(latents(3)), chain.pca, chain.mean)
    assert np.allclose(observed[1], 0, atol=1e-5) and np.allclose(observed[2], 2, atol=1e-5)


def test_expand_undoes_compress() -> None:
    chain = Chain(5, rotated=True)
    z = latents(5)
    assert np.allclose(expand(compress(z, chain.pca, chain.mean), chain.pca, chain.mean), z, atol=1e-5)
