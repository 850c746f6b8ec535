"""The bits that an int8 weight may use on this processor. Needs no torch."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

FULL_BITS = 8
REDUCED_BITS = 7


@cache
def int8_weight_bits() -> int:
    """Return 8 where ONNX Runtime multiplies unsigned by signed bytes exactly, 7 where the products saturate.

    x86 processors without VNNI add two such products in 16 bits: 2 * 255 * 127 does not fit there, 2 * 255 * 64 does.
    The answer is measured with one product of the largest bytes, so it holds for every processor and kernel.
    Any thread and process.
    """
    size = 64
    x, weights = np.full((1, size), 255, np.uint8), np.full((size, size), 127, np.int8)
    product = _product_session(weights).run(None, {"x": x})[0]
    return FULL_BITS if np.array_equal(product, x.astype(np.int32) @ weights.astype(np.int32)) else REDUCED_BITS


def _product_session(weights: np.ndarray) -> onnxruntime.InferenceSession:
    """Open a graph of one product x @ weights; uint8 [1, K] and int8 [K, N] give int32 [1, N]."""
    import onnx  # 0.2 s, which only int8 needs to spend

    rows, columns = weights.shape
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, rows])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, columns])
    node = onnx.helper.make_node("MatMulInteger", ["x", "weights"], ["y"])
    graph = onnx.helper.make_graph([node], "product", [x], [y], [onnx.numpy_helper.from_array(weights, "weights")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
