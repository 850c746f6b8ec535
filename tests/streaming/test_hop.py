"""Neither a longer hop nor other signals in the batch change a stream."""

import numpy as np
import pytest

import rtrave
from rtrave.streaming.open_stream import stream
from tests.reference import peak_error
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model(channels=2)


@pytest.fixture(scope="module")
def sound():
    return np.random.default_rng(0).standard_normal((3, 2, 128 * 12)).astype(np.float32)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_longer_hops(model, sound, precision):
    long, short = stream(model, hop=512, precision=precision), stream(model, backend="torch")
    assert (long.hop, short.hop) == (512, 128)
    # int8 scales its inputs once per block, so the length of a block changes the result.
    assert peak_error(long.process(sound[:1]), short.process(sound[:1])) < (1e-4 if precision == "float32" else 0.2)


def test_signals_side_by_side(model, sound):
    together = stream(model, batch=3).process(sound)
    for row in range(3):
        assert peak_error(together[row : row + 1], stream(model).process(sound[row : row + 1])) < 1e-4


def test_a_silent_signal_stays_silent_beside_a_loud_one(model, sound):
    alone = stream(model).process(np.zeros_like(sound[:1]))
    sound = sound.copy()
    sound[1] = 0
    assert np.array_equal(stream(model, batch=3).process(sound)[1:2], alone) or (
        np.abs(stream(model, batch=3).process(sound)[1:2] - alone).max() < 1e-6
    )


def test_a_hop_must_be_a_multiple_of_the_ratio(model):
    with pytest.raises(rtrave.RtraveError, match="hop: expected a multiple of the ratio 128, got 300: use 256"):
        stream(model, hop=300)
