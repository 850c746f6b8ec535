"""A latent stream from outside: mixed in, and left when it stops."""

import numpy as np
import pytest

from tests.engine.chain import RATE_HZ, Chain, latents


@pytest.mark.parametrize("space", [0, 1])
def test_it_is_mixed_in_the_addressed_space(space: int) -> None:
    chain = Chain(3, rotated=True)
    chain.set(z_mix=0.25, space=space)
    z = latents(3, 2)
    chain.play(z[:, :1])
    chain.outside([1, 2, 3])
    went = chain.play(z[:, 1:])
    if space:
        assert np.allclose(went[:, 0], 0.75 * z[:, 1] + 0.25 * np.array([1, 2, 3]), atol=1e-6)
    else:
        to = lambda latents: chain.pca @ (latents - chain.mean)  # noqa: E731
        assert np.allclose(to(went[:, 0]), 0.75 * to(z[:, 1]) + 0.25 * np.array([1, 2, 3]), atol=1e-5)


def test_it_fades_back_when_the_stream_stops() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0, z_timeout=0.5)
    chain.play(np.zeros((1, 1), np.float32))
    chain.outside([2.0])
    went = chain.play(np.zeros((1, 30), np.float32))[0]
    timeout = round(0.5 * RATE_HZ)
    assert (
        (went[: timeout + 1] == 2).all() and went[timeout + 1] == pytest.approx(1.0) and not went[timeout + 2 :].any()
    )
    chain.outside([3.0])
    assert chain.play(np.zeros((1, 1), np.float32))[0, 0] == 3


def test_a_steady_stream_never_fades() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0, z_timeout=0.05)
    chain.play(np.zeros((1, 1), np.float32))
    for value in range(10):
        chain.outside([value])
        assert chain.play(np.zeros((1, 1), np.float32))[0, 0] == value


def test_frames_of_an_earlier_run_are_not_played() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0)
    chain.outside([2.0])  # counted before the first hop of this engine
    assert not chain.play(np.zeros((1, 5), np.float32)).any()
