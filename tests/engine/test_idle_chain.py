"""Frames under controls that edit nothing take a short way, to the same numbers and the same memory as the long one."""

import numpy as np
import pytest

from tests.engine.chain import Chain, latents

# What is set for a while between stretches without any edit; each remembers, or begins from what was before.
EDITS = (
    {"latent_hold": 1},
    {"latent_smooth": 400.0},
    {"latent_lfo_shape": 1, "latent_lfo_depth": 1.0},
    {"trajectory_play": 1, "trajectory_loop": 1, "trajectory_amount": 0.5},
    {"z_mix": 0.5},
    {"space": 1},
    {"dims": 2},
)


@pytest.mark.parametrize("rotated", [False, True])
def test_the_short_way_equals_the_long_one(rotated):
    short, long = Chain(5, rotated=rotated), Chain(5, rotated=rotated)
    z, rng = latents(5, 20), np.random.default_rng(1)
    for chain in (short, long):
        chain.set(trajectory_record=1)
        chain.play(z[:, :10])
        chain.set(trajectory_record=0)
    defaults, short_ways = short.controls.copy(), 0
    for _ in range(60):
        edit = EDITS[rng.integers(len(EDITS))] if rng.random() < 0.5 else {}
        frame = rng.standard_normal(5) if rng.random() < 0.1 else None
        count = rng.integers(1, 40)
        for n in range(count):
            for chain in (short, long):
                chain.controls[:] = defaults
                chain.set(**edit)
                if frame is not None and n == 0:
                    chain.outside(frame)
                    defaults = chain.controls.copy() if chain is long else defaults
            short_ways += short.chain._idle is not None and np.array_equal(short.controls, short.chain._idle)
            long.chain._idle = None
            column = z[:, n % 20 : n % 20 + 1]
            assert np.array_equal(short.play(column), long.play(column))
            one, other = short.chain.snapshot(), long.chain.snapshot()
            assert all(np.array_equal(one[name], other[name]) for name in other)
    assert short_ways > 100


def test_a_restored_chain_goes_the_long_way_first():
    chain = Chain(3)
    z = latents(3)
    chain.set(latent_lfo_shape=1, latent_lfo_depth=1.0)
    chain.play(z[:, :5])
    moving = chain.chain.snapshot()
    chain.controls[:] = chain.layout.defaults()
    chain.play(z[:, 5:10])
    assert chain.chain._idle is not None
    chain.chain.restore(moving)
    chain.play(z[:, 10:11])
    fresh = Chain(3)
    fresh.chain.restore(moving)
    fresh.frame = 10
    fresh.play(z[:, 10:11])
    state, expected = chain.chain.snapshot(), fresh.chain.snapshot()
    assert all(np.array_equal(state[name], expected[name]) for name in expected)
