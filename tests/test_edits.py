"""The tutorial's six edits on [B, D, N]."""

import numpy as np
import pytest

from rtrave import edits
from rtrave.errors import RtraveError

rng = np.random.default_rng(0)
SHAPES = [(4, 9), (1, 5, 1), (2, 8, 17), (3, 1, 4)]


def draws(shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_original_is_an_equal_copy(shape: tuple[int, ...]) -> None:
    z = draws(shape)
    edited = edits.original(z)
    assert np.array_equal(edited, z) and not np.shares_memory(edited, z)


@pytest.mark.parametrize("shape", SHAPES)
def test_odd_dimensions_are_zeroed(shape: tuple[int, ...]) -> None:
    z = draws(shape)
    edited = edits.zero_odd(z)
    assert not edited[..., 1::2, :].any() and np.array_equal(edited[..., ::2, :], z[..., ::2, :])


def test_noise_rises_on_even_dimensions() -> None:
    z, normal = np.zeros((6, 5), np.float32), np.ones((6, 5), np.float32)
    edited = edits.progressive_noise(z, normal, 2.0)
    assert np.allclose(edited[::2], [0, 0.5, 1, 1.5, 2]) and not edited[1::2].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_morph_is_exact_at_its_ends_and_even_between(shape: tuple[int, ...]) -> None:
    a, b = draws(shape), draws(shape)
    assert np.array_equal(edits.morph(a, b, 0.0), a) and np.array_equal(edits.morph(a, b, 1.0), b)
    assert np.allclose(edits.morph(a, b, 0.5), (a + b) / 2, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_interleaving_takes_odd_dimensions_from_b(shape: tuple[int, ...]) -> None:
    a, b = draws(shape), draws(shape)
    mixed = edits.interleave(a, b)
    assert np.array_equal(mixed[..., ::2, :], a[..., ::2, :]) and np.array_equal(mixed[..., 1::2, :], b[..., 1::2, :])


@pytest.mark.parametrize(("dims", "frames"), [(1, 7), (4, 8), (16, 100)])
def test_the_spherical_path_is_its_formula(dims: int, frames: int) -> None:
    path = edits.spherical_path(dims, frames)
    assert path.shape == (dims, frames) and path.dtype == np.float32
    for d in range(dims):
        t = np.arange(frames) / frames
        assert np.allclose(path[d], np.cos(2 * np.pi * (t + d / dims)), atol=1e-6)


def test_two_of_different_shapes_are_refused() -> None:
    with pytest.raises(RtraveError, match=r"\(4, 3\) and \(4, 2\)"):
        edits.morph(draws((4, 3)), draws((4, 2)), 0.5)
