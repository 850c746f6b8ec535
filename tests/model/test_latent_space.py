"""Latent space: PCA and its inverse, truncation with seeded fill, temperature, fidelity, and the noise source."""

import numpy as np
import pytest
import torch

from rtrave.errors import RtraveError
from rtrave.model.latent_space import NOISE_LANES, compress, draw_frames, expand, seeded_noise
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def x():
    return torch.randn(2, 1, 128 * 9, generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def test_compress_and_expand_are_inverse_in_numpy_and_torch(model, x):
    z = model.encode(x)
    pca, mean = model.latent_pca, model.latent_mean
    assert torch.allclose(expand(compress(z, pca, mean), pca, mean), z, atol=1e-5)
    as_numpy = compress(z.numpy(), pca.numpy(), mean.numpy())
    assert np.allclose(as_numpy, compress(z, pca, mean).numpy(), atol=1e-5)


@torch.no_grad()
def test_all_components_decode_to_the_same_sound(model, x):
    z = model.encode(x)
    assert torch.allclose(model.decode(model.encode(x, postprocess=True), preprocess=True), model.decode(z), atol=1e-4)


@torch.no_grad()
def test_dropped_components_are_filled_from_the_seed(model, x):
    few = model.encode(x, postprocess=True)[:, :2]
    once, again, other = (model.decode(few, preprocess=True, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


@torch.no_grad()
def test_given_noise_replaces_the_source(model, x):
    calls = []

    def noise(kind, frame, shape):
        calls.append((kind, frame, shape))
        return np.zeros(shape, np.float32)

    few = model.encode(x, postprocess=True)[:, :2]
    filled = torch.cat((few, torch.zeros_like(few)), dim=1)
    y = model.decode(few, preprocess=True, noise=noise)
    assert torch.equal(y, model.decode(filled, preprocess=True))
    assert calls == [("fill", frame, (2, 2)) for frame in range(9)]


@torch.no_grad()
def test_temperature_samples_the_posterior(model, x):
    mean, std = model.posterior(x)
    normal = torch.from_numpy(draw_frames(seeded_noise(7), "posterior", 0, tuple(mean.shape)))
    assert torch.equal(model.encode(x, temperature=0.5, seed=7), mean + 0.5 * std * normal)
    assert torch.equal(model.encode(x, temperature=0.0, seed=7), mean)


def test_noise_depends_on_seed_kind_and_frame_alone():
    first, second = seeded_noise(1), seeded_noise(1)
    for kind in NOISE_LANES:
        assert np.array_equal(first(kind, 9, (2, 5)), second(kind, 9, (2, 5)))
        assert not np.array_equal(first(kind, 9, (2, 5)), first(kind, 10, (2, 5)))
        assert not np.array_equal(first(kind, 9, (2, 5)), seeded_noise(2)(kind, 9, (2, 5)))
    assert not np.array_equal(first("fill", 9, (2, 5)), first("jitter", 9, (2, 5)))


def test_noise_has_its_distribution():
    source = seeded_noise(0)
    normal = np.concatenate([source("fill", frame, (1, 64)) for frame in range(400)])
    assert normal.dtype == np.float32
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    uniform = np.concatenate([source("synth", frame, (64,)) for frame in range(400)])
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.02


def test_frames_are_drawn_one_by_one_whatever_the_block():
    source = seeded_noise(4)
    whole = draw_frames(source, "jitter", 10, (1, 3, 7))
    parts = [draw_frames(source, "jitter", 10, (1, 3, 2)), draw_frames(source, "jitter", 12, (1, 3, 5))]
    assert np.array_equal(whole, np.concatenate(parts, axis=2))


def test_dims_for_fidelity():
    model = tiny_model()
    model.fidelity.copy_(torch.tensor([0.5, 0.75, 0.96, 1.0]))
    spec = model.spec
    assert [spec.get_dims_for_fidelity(f) for f in (0.0, 0.5, 0.75, 0.95, 1.0)] == [1, 1, 2, 2, 3]
    assert [spec.dims_that_reach(f) for f in (0.0, 0.5, 0.75, 0.95, 1.0)] == [1, 2, 3, 3, 4]
    assert spec.latent_size == 2
    with pytest.raises(RtraveError, match="between 0 and 1"):
        spec.get_dims_for_fidelity(1.1)


@torch.no_grad()
def test_wrong_shapes_are_refused(model):
    for call, message in (
        (
            lambda: model.encode(torch.zeros(1, 1, 100)),
            "block size: expected a multiple of the ratio 128, got 100: use 128",
        ),
        (lambda: model.encode(torch.zeros(1, 2, 128)), r"expected the shape \[batch, 1, time\], got"),
        (lambda: model.decode(torch.zeros(1, 3, 1)), r"expected the shape \[batch, 4, latent frames\], got"),
        (
            lambda: model.decode(torch.zeros(1, 5, 1), preprocess=True),
            r"expected the shape \[batch, 1..4, latent frames\], got",
        ),
    ):
        with pytest.raises(RtraveError, match=message):
            call()


@torch.no_grad()
def test_silence_stays_finite(model):
    assert torch.isfinite(model(torch.zeros(1, 1, 1280))).all()
