"""Adaptive instance norm learns independently of the cuts, never gives NaN, and transfers the target's statistics."""

import pytest
import torch

from rtrave.layers.norm import AdaIN

FRAME = 4


def learning(layer, source, target, batch=1):
    state = layer.initial_state(batch, torch.float64)
    state["learn"][:, 0], state["learn"][:, 1] = float(source), float(target)
    return state


def signal(seed, frames, mean=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return mean + scale * torch.randn(1, frames * FRAME, 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("cut", [[50], [1] * 50, [17, 1, 32]])
def test_partition(cut):
    layer, x = AdaIN(3, FRAME).double(), signal(0, 50)
    whole, after = layer.step(x, learning(layer, True, True))
    state, outputs = learning(layer, True, True), []
    for block in x.split([n * FRAME for n in cut], dim=1):
        y, state = layer.step(block, state)
        outputs.append(y)
    assert torch.allclose(torch.cat(outputs, 1), whole, atol=1e-12)
    assert torch.allclose(state["known"], after["known"], atol=1e-9)


def test_statistics_are_those_of_the_samples():
    layer, x = AdaIN(3, FRAME).double(), signal(1, 200, mean=2.0, scale=0.5)
    _, state = layer.step(x, learning(layer, True, False))
    count, mean, squares = state["known"][0, 0]
    assert count.eq(800).all()
    assert torch.allclose(mean, x[0].mean(0))
    assert torch.allclose(squares / 799, x[0].var(0))
    assert not state["known"][0, 1].any()


def test_transfer_gives_the_targets_statistics():
    layer = AdaIN(3, FRAME).double()
    source, target = signal(2, 300, mean=1.0, scale=2.0), signal(3, 300, mean=-4.0, scale=0.3)
    _, state = layer.step(target, learning(layer, False, True))
    state["learn"][:, 0], state["learn"][:, 1] = 1.0, 0.0
    _, state = layer.step(source, state)
    state["learn"].zero_()
    y, _ = layer.step(source, state)
    assert torch.allclose(y[0].mean(0), target[0].mean(0), atol=1e-3)
    assert torch.allclose(y[0].std(0), target[0].std(0), rtol=1e-3)


def test_nothing_learned_changes_nothing():
    layer, x = AdaIN(3, FRAME).double(), signal(4, 10)
    y, state = layer.step(x, layer.initial_state(1, torch.float64))
    assert torch.equal(y, x)
    assert not state["known"].any()


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e30])
def test_never_nan(level):
    layer = AdaIN(3, 1).double()
    state = learning(layer, True, True)
    for sample in (level * signal(5, 25)).split(1, dim=1):
        y, state = layer.step(sample, state)
        assert torch.isfinite(y).all()
