"""Passes over an exported graph: fewer nodes for the same numbers, and int8 for the large weights only."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from rtrave.backends.graph_shape import GraphShape
from rtrave.compiler.graph import part_graph
from rtrave.compiler.passes import QUANTIZED_SIZE, int8, states_as_ends
from rtrave.model.weights import prepared
from tests.tiny import tiny_model


def inputs_of(graph, seed=0):
    """Return seeded inputs of a graph, in its order."""
    rng = np.random.default_rng(seed)
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in graph.graph.input]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def run(graph):
    """Return all outputs of a graph by name, for seeded inputs."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = dict(zip((value.name for value in session.get_inputs()), inputs_of(graph), strict=True))
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_states_as_ends_saves_slices_and_changes_no_number(part):
    plain = prepared(tiny_model(), 1, torch.float32, operators=True)
    graph = part_graph(plain, part, GraphShape(), images=True)
    fewer = copy.deepcopy(graph)
    states_as_ends(fewer)
    slices = [sum(node.op_type == "Slice" for node in g.graph.node) for g in (graph, fewer)]
    assert slices[1] < slices[0]
    expected, observed = run(graph), run(fewer)
    assert expected.keys() == observed.keys()
    longer = 0
    for name, value in expected.items():
        end = observed[name] if observed[name].ndim < 4 else observed[name][:, :, -value.shape[2] :]
        assert np.array_equal(end, value), name
        longer += observed[name].shape != value.shape
    assert longer > 0


def product(sizes):
    """Make a graph of products with square matrices of these sizes, each with an input and an output of its own."""
    rng = np.random.default_rng(0)
    nodes, inputs, outputs, weights = [], [], [], []
    for k, size in enumerate(sizes):
        nodes.append(onnx.helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"y{k}"], name=f"product{k}"))
        weights.append(onnx.numpy_helper.from_array(rng.standard_normal((size, size)).astype(np.float32), f"w{k}"))
        for values, letter in ((inputs, "x"), (outputs, "y")):
            values.append(onnx.helper.make_tensor_value_info(f"{letter}{k}", onnx.TensorProto.FLOAT, [1, size]))
    graph = onnx.helper.make_graph(nodes, "products", inputs, outputs, weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)


def signal_to_noise_db(expected, observed):
    return 10 * np.log10(np.square(expected).sum() / np.square(observed - expected).sum())


@pytest.mark.parametrize("weight_bits", [7, 8])
def test_int8_quantises_only_the_large_weights(weight_bits):
    large, small = 256, 255
    assert small**2 < QUANTIZED_SIZE <= large**2
    graph = product([large, small])
    expected = run(graph)
    quantized = int8(graph, weight_bits)
    weights = [
        onnx.numpy_helper.to_array(w) for w in quantized.graph.initializer if w.data_type == onnx.TensorProto.INT8
    ]
    assert max(np.abs(w.astype(int)).max() for w in weights) == {7: 64, 8: 127}[weight_bits]
    # The reference evaluator multiplies exactly on every processor.
    feed = {f"x{k}": x for k, x in enumerate(inputs_of(graph))}
    y0, y1 = ReferenceEvaluator(quantized).run(["y0", "y1"], feed)
    assert np.allclose(y1, expected["y1"], rtol=1e-5, atol=1e-4)
    assert not np.array_equal(y0, expected["y0"])
    assert signal_to_noise_db(expected["y0"], y0) > {7: 33, 8: 35}[weight_bits]


def test_int8_does_not_saturate():
    """Multiply the largest bytes: weights of one bit more would saturate sums of 16 bits."""
    size = 256
    graph = product([size])
    graph.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.ones((size, size), np.float32), "w0"))
    x = np.ones((1, size), np.float32)
    session = onnxruntime.InferenceSession(int8(graph).SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.allclose(session.run(None, {"x0": x})[0], size, rtol=1e-3)
