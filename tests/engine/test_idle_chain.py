"""Frames under controls that edit nothing take a short path, with the result and the state of the full path."""

import numpy as np
import pytest

from tests.engine.chain import Chain, latents

# Edits that are set for a while between stretches without any; each keeps state or starts from the state before it.
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
def test_the_short_path_equals_the_full_path(rotated):
    idle, full = Chain(5, rotated=rotated), Chain(5, rotated=rotated)
    z, rng = latents(5, 20), np.random.default_rng(1)
    for chain in (idle, full):
        chain.set(trajectory_record=1)
        chain.play(z[:, :10])
        chain.set(trajectory_record=0)
    defaults, short_frames = idle.controls.copy(), 0
    for _ in range(60):
        edit = EDITS[rng.integers(len(EDITS))] if rng.random() < 0.5 else {}
        frame = rng.standard_normal(5) if rng.random() < 0.1 else None
        count = rng.integers(1, 40)
        for n in range(count):
            for chain in (idle, full):
                chain.controls[:] = defaults
                chain.set(**edit)
                if frame is not None and n == 0:
                    chain.send_frame(frame)
                    defaults = chain.controls.copy() if chain is full else defaults
            short_frames += idle.chain._idle is not None and np.array_equal(idle.controls, idle.chain._idle)
            full.chain.restore(full.chain.snapshot())  # a restored chain takes the full path
            column = z[:, n % 20 : n % 20 + 1]
            assert np.array_equal(idle.play(column), full.play(column))
            one, other = idle.chain.snapshot(), full.chain.snapshot()
            assert all(np.array_equal(one[name], other[name]) for name in other)
    assert short_frames > 100


def test_a_restored_chain_takes_the_full_path_first():
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
