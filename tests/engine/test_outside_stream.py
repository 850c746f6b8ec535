"""A latent stream from outside is mixed in, and fades away when it stops."""

import numpy as np
import pytest

from rtrave.model.latent_space import compress
from tests.engine.chain import RATE_HZ, Chain, latents


@pytest.mark.parametrize("space", [0, 1])
def test_it_is_mixed_in_the_addressed_space(space: int) -> None:
    chain = Chain(3, rotated=True)
    chain.set(z_mix=0.25, space=space)
    z = latents(3, 2)
    chain.play(z[:, :1])
    chain.send_frame([1, 2, 3])
    observed = chain.play(z[:, 1:])
    if space:
        assert np.allclose(observed[:, 0], 0.75 * z[:, 1] + 0.25 * np.array([1, 2, 3]), atol=1e-6)
    else:
        components, plain = (compress(latents, chain.pca, chain.mean)[:, 0] for latents in (observed, z[:, 1:]))
        assert np.allclose(components, 0.75 * plain + 0.25 * np.array([1, 2, 3]), atol=1e-5)


def test_it_fades_back_when_the_stream_stops() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0, z_timeout=0.5)
    chain.play(np.zeros((1, 1), np.float32))
    chain.send_frame([2.0])
    observed = chain.play(np.zeros((1, 30), np.float32))[0]
    timeout = round(0.5 * RATE_HZ)
    assert (
        (observed[: timeout + 1] == 2).all()
        and observed[timeout + 1] == pytest.approx(1.0)
        and not observed[timeout + 2 :].any()
    )
    chain.send_frame([3.0])
    assert chain.play(np.zeros((1, 1), np.float32))[0, 0] == 3


def test_a_steady_stream_never_fades() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0, z_timeout=0.05)
    chain.play(np.zeros((1, 1), np.float32))
    for value in range(10):
        chain.send_frame([value])
        assert chain.play(np.zeros((1, 1), np.float32))[0, 0] == value


def test_frames_of_an_earlier_run_are_not_played() -> None:
    chain = Chain(1)
    chain.set(z_mix=1.0)
    chain.send_frame([2.0])  # counted before the first hop of this engine
    assert not chain.play(np.zeros((1, 5), np.float32)).any()
