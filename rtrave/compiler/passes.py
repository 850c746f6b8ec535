"""Changes to a graph between its export and its first run: fewer nodes, and smaller weights where requested.

ONNX Runtime's own optimiser does the rest when the graph is opened. A node costs about a microsecond on top of
its computation, more where the weights of a large model fill the processor's cache: fewer nodes are faster.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from rtrave.backends.int8_weights import REDUCED_BITS, int8_weight_bits

# int8 quantises matrices of at least so many weights: smaller ones cost no time, and the filter bank is among them.
QUANTIZED_SIZE = 1 << 16


def float32(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Leave all weights as they are."""
    states_as_ends(graph)
    return graph


def int8(graph: onnx.ModelProto, weight_bits: int | None = None) -> onnx.ModelProto:
    """Store the large weights as signed bytes, scaled per output channel; their inputs are rounded to 8 bits, with one
    scale per block.

    Parameters
    ----------
    graph : ModelProto
        Changed in place.
    weight_bits : {7, 8, None}
        Bits that a weight uses; None takes what this processor multiplies exactly (`int8_weight_bits`).
    """
    states_as_ends(graph)
    reduced = (weight_bits or int8_weight_bits()) == REDUCED_BITS
    large = [node.name for node in graph.graph.node if node.op_type == "MatMul" and _weights(graph, node) is not None]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        quantize_dynamic(graph, path, ["MatMul"], True, reduced, QuantType.QInt8, nodes_to_quantize=large)
        return onnx.load(path)


PASSES: dict[str, Callable[[onnx.ModelProto], onnx.ModelProto]] = {"float32": float32, "int8": int8}


def _weights(graph: onnx.ModelProto, node: onnx.NodeProto) -> onnx.TensorProto | None:
    """Return the constant matrix of a product, where it is large enough to be quantised."""
    constants = [c for c in graph.graph.initializer if c.name == node.input[1] and len(c.dims) == 2]
    return constants[0] if constants and np.prod(constants[0].dims) >= QUANTIZED_SIZE else None


def states_as_ends(graph: onnx.ModelProto) -> None:
    """Output the whole signal where a next state is its end.

    The signal exists anyway, so a slice is saved; `CompiledPart` takes its last rows. Only for a single signal, whose
    last rows lie together in memory.
    """
    body = graph.graph
    outputs = {value.name: value for value in body.output}
    makers = {name: node for node in body.node for name in node.output}
    shapes = {value.name: value.type for value in body.value_info}
    constants = {constant.name: constant for constant in body.initializer}
    uses = Counter(name for node in body.node for name in node.input)
    for node in list(body.node):
        if node.op_type != "Slice" or node.output[0] not in outputs or uses[node.output[0]]:
            continue
        name, signal = node.output[0], node.input[0]
        dims = [dim.dim_value for dim in shapes[signal].tensor_type.shape.dim] if signal in shapes else []
        _, ends, axes = (numpy_helper.to_array(constants[given]).tolist() for given in node.input[1:4])
        if dims[:2] != [1, 1] or axes != [2] or ends[0] < dims[2] or signal not in makers or signal in outputs:
            continue
        for user in body.node:
            user.input[:] = [name if given == signal else given for given in user.input]
        makers[signal].output[:] = [name if given == signal else given for given in makers[signal].output]
        outputs[name].type.CopyFrom(shapes[signal])
        body.node.remove(node)
