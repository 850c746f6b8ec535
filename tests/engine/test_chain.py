"""Effect of each control on the latents, in numbers."""

import numpy as np
import pytest

from tests.engine.chain import RATE_HZ, Chain, latents


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("space", [0, 1])
@pytest.mark.parametrize("dims", [1, 4, 17])
def test_defaults_are_exact(dims: int, space: int, rotated: bool) -> None:
    chain = Chain(dims, rotated=rotated)
    chain.set(space=space)
    z = latents(dims)
    assert np.array_equal(chain.play(z), z)


def test_the_order_of_operations() -> None:
    chain = Chain(1)
    chain.set(latent_scale=2.0, latent_bias=1.0, latent_override=0.5, latent_value=-1.0)
    chain.set(latent_lfo_shape=4, latent_lfo_depth=0.5, latent_lfo_rate=0.0)  # a square that stays high
    z = latents(1)
    assert np.allclose(chain.play(z), 0.5 * (2 * z + 1 + 0.5) - 0.5, atol=1e-6)
    chain.set(latent_mute=1, latent_smooth=100.0)
    muted = chain.play(np.zeros((1, 200), np.float32))
    assert abs(muted[0, 0]) > 0 and abs(muted[0, -1]) < 1e-6  # mute comes before smooth


def test_smooth_is_a_one_pole_with_its_time_constant() -> None:
    chain = Chain(2)
    chain.set(latent_smooth=[500.0, 0.0])
    chain.play(np.zeros((2, 3), np.float32))
    step = chain.play(np.ones((2, 40), np.float32))
    n = np.arange(1, 41)
    assert np.allclose(step[0], 1 - np.exp(-n / (0.5 * RATE_HZ)), atol=1e-5)
    assert np.array_equal(step[1], np.ones(40, np.float32))


def test_a_ramp_through_smooth_lags_by_its_time_constant() -> None:
    chain = Chain(1)
    chain.set(latent_smooth=1000.0)
    ramp = np.arange(400, dtype=np.float32)[None] / 100
    lag = (ramp - chain.play(ramp))[0, -1]
    pole = np.exp(-1 / RATE_HZ)
    assert lag == pytest.approx(0.01 * pole / (1 - pole), rel=1e-3)  # nearly 20 frames


def test_hold_keeps_the_last_value_until_it_is_released() -> None:
    chain = Chain(3, rotated=True)
    chain.set(space=1)
    z = latents(3)
    before = chain.play(z[:, :10])
    chain.set(latent_hold=[0, 1, 0])
    held = chain.play(z[:, 10:20])
    assert np.array_equal(held[1], np.full(10, before[1, -1])) and np.array_equal(held[[0, 2]], z[[0, 2], 10:20])
    chain.set(latent_hold=0)
    assert np.array_equal(chain.play(z[:, 20:]), z[:, 20:])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (1, lambda t: np.sin(2 * np.pi * t)),
        (2, lambda t: 2 / np.pi * np.arcsin(np.sin(2 * np.pi * t))),
        (3, lambda t: 2 * (t % 1) - 1),
        (4, lambda t: np.where(t % 1 < 0.5, 1.0, -1.0)),
    ],
)
def test_lfo_shapes_rate_depth_and_phase(shape: int, expected: object) -> None:
    chain = Chain(2)
    chain.set(latent_lfo_shape=[shape, 0], latent_lfo_rate=1.37, latent_lfo_depth=2.0, latent_lfo_phase=90.0)
    moved = chain.play(np.zeros((2, 100), np.float32))
    t = np.arange(100) * 1.37 / RATE_HZ + 0.25
    assert np.allclose(moved[0], 2 * expected(t), atol=1e-4) and not moved[1].any()  # type: ignore[operator]


def test_the_frequency_of_an_lfo() -> None:
    chain = Chain(1, rate_hz=21.533)
    chain.set(latent_lfo_shape=1, latent_lfo_rate=2.0, latent_lfo_depth=1.0)
    moved = chain.play(np.zeros((1, 2000), np.float32))[0]
    spectrum = np.abs(np.fft.rfft(moved * np.hanning(2000)))
    assert np.argmax(spectrum) * 21.533 / 2000 == pytest.approx(2.0, abs=0.011)


def test_the_random_lfo_holds_for_a_cycle_and_follows_the_seed() -> None:
    def play(seed: int) -> np.ndarray:
        chain = Chain(1, seed)
        chain.set(latent_lfo_shape=5, latent_lfo_rate=2.0, latent_lfo_depth=3.0)
        return chain.play(np.zeros((1, 1000), np.float32))[0]

    moved = play(1)
    cycles = moved.reshape(100, 10)
    assert np.array_equal(cycles, np.repeat(cycles[:, :1], 10, axis=1))
    assert len(np.unique(cycles[:, 0])) == 100 and np.abs(moved).max() <= 3 and np.std(cycles[:, 0]) > 1
    assert np.array_equal(moved, play(1)) and not np.array_equal(moved, play(2))


def test_a_rate_changes_without_a_jump_of_phase() -> None:
    chain = Chain(1)
    chain.set(latent_lfo_shape=3, latent_lfo_rate=0.5, latent_lfo_depth=1.0)
    first = chain.play(np.zeros((1, 11), np.float32))[0]
    chain.set(latent_lfo_rate=1.0)
    assert chain.play(np.zeros((1, 1), np.float32))[0, 0] == pytest.approx(first[-1] + 2 * 0.5 / RATE_HZ, abs=1e-6)


def test_global_noise_adds_to_the_noise_of_each_dimension() -> None:
    chain = Chain(2)
    chain.set(noise=0.25, latent_noise=[0.5, 0.0])
    moved = chain.play(np.zeros((2, 4000), np.float32))
    assert np.allclose(moved.std(axis=1), [0.75, 0.25], rtol=0.05)


def test_a_hard_limit_of_ten() -> None:
    chain = Chain(2)
    chain.set(latent_scale=5.0, latent_bias=10.0)
    z = np.array([[3.0], [12.0]], np.float32)
    assert np.array_equal(chain.play(z), [[10.0], [12.0]])


def test_a_change_of_space_clears_the_held_values() -> None:
    chain = Chain(3, rotated=True)
    chain.play(latents(3))
    chain.set(latent_hold=1, space=1)
    z = latents(3, 2, seed=5)
    assert np.array_equal(chain.play(z), np.repeat(z[:, :1], 2, axis=1))


@pytest.mark.parametrize("cut", [3, 11, 40])
def test_blocks_of_any_size_and_a_restored_state_give_the_same_bits(cut: int) -> None:
    def prepared() -> Chain:
        chain = Chain(4, rotated=True)
        chain.set(latent_lfo_shape=[1, 2, 5, 0], latent_lfo_depth=1.0, latent_smooth=200.0, noise=0.2, dims=2)
        chain.set(trajectory_record=1)
        return chain

    z = latents(4)
    whole, parts, other = prepared(), prepared(), prepared()
    expected = whole.play(z)
    first = parts.play(z[:, :cut])
    other.chain.restore(parts.chain.snapshot())
    other.frame = cut
    assert np.array_equal(np.concatenate((first, other.play(z[:, cut:])), axis=1), expected)
