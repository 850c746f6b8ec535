"""The bits of int8 weights: chosen so that no product saturates, and part of the cache key."""

import numpy as np
import pytest

from rtrave.backends import cache, int8_weights
from rtrave.backends.cache import graph_folder
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.int8_weights import _product_session, int8_weight_bits


@pytest.mark.parametrize("rows", [1, 2, 17, 64, 2049])
def test_largest_bytes_multiply_exactly(rows):
    largest = {8: 127, 7: 64}[int8_weight_bits()]
    x, weights = np.full((1, rows), 255, np.uint8), np.full((rows, 33), largest, np.int8)
    product = _product_session(weights).run(None, {"x": x})[0]
    assert (product == 255 * largest * rows).all()


@pytest.mark.parametrize(("factor", "bits"), [(1, 8), (0, 7)])
def test_a_saturating_processor_gets_seven_bits(monkeypatch, factor, bits):
    class Session:
        def __init__(self, weights):
            self.weights = weights

        def run(self, names, feed):
            return [factor * (feed["x"].astype(np.int32) @ self.weights.astype(np.int32))]

    monkeypatch.setattr(int8_weights, "_product_session", Session)
    assert int8_weights.int8_weight_bits.__wrapped__() == bits


def test_the_cache_key_holds_the_bits_of_int8_only(monkeypatch):
    def folders(bits):
        monkeypatch.setattr(cache, "int8_weight_bits", lambda: bits)
        return [graph_folder("hash", GraphShape(precision=precision)) for precision in ("int8", "float32")]

    (int8_7, float_7), (int8_8, float_8) = folders(7), folders(8)
    assert int8_7 != int8_8
    assert float_7 == float_8
