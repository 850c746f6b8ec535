"""Source B: a clip or the second input, morphed or interleaved with the latents."""

import numpy as np
import pytest

from rtrave.edits import interleave, morph
from tests.engine.chain import Chain, latents


def prepared(**controls: object) -> tuple[Chain, np.ndarray]:
    chain = Chain(4, rotated=True)
    clip = latents(4, 7, seed=9)
    chain.chain.clips += [latents(4, 3, seed=8), clip]
    chain.set(source_slot=3, **controls)
    return chain, clip


def test_a_clip_loops_from_its_beginning() -> None:
    chain, clip = prepared(source_mix=1.0, space=1)
    z = latents(4, 20)
    assert np.array_equal(chain.play(z), np.tile(clip, 3)[:, :20])


@pytest.mark.parametrize("space", [0, 1])
def test_the_midpoint_of_a_morph_is_the_mean(space: int) -> None:
    chain, clip = prepared(source_mix=0.5, space=space)
    z = latents(4, 7)
    assert np.allclose(chain.play(z), (z + clip) / 2, atol=1e-5)
    assert np.allclose(morph(z, clip, 0.5), (z + clip) / 2, atol=1e-6)


def test_interleaving_equals_the_pure_function() -> None:
    chain, clip = prepared(source_mix=1.0, source_mode=1, space=1)
    z = latents(4, 7)
    assert np.array_equal(chain.play(z), interleave(z, clip))


def test_without_a_mix_or_a_source_nothing_changes() -> None:
    z = latents(4, 7)
    assert np.array_equal(prepared()[0].play(z), z)
    chain, _ = prepared(source_mix=1.0)
    chain.set(source_slot=9)  # no such clip
    assert np.array_equal(chain.play(z), z)


def test_the_second_input_is_a_source_too() -> None:
    chain, _ = prepared(source_mix=1.0, space=1)
    chain.set(source_slot=1)
    other = latents(4, 1, seed=4)
    chain.chain.second = other
    assert np.array_equal(chain.play(latents(4, 1)), other)
