"""What is done to an exported graph: fewer nodes for the same numbers; int8 where the weights are large, only there."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from rtrave.model.weights import prepared
from rtrave.streaming.graph import part_graph
from rtrave.streaming.graph_passes import QUANTIZED_SIZE, int8, states_as_ends
from rtrave.streaming.graph_shape import GraphShape
from tests.tiny import tiny_model


def run(graph, seed=0):
    """All outputs of a graph by name, for seeded inputs."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    feed = {value.name: rng.standard_normal(value.shape).astype(np.float32) for value in session.get_inputs()}
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
    expected, came = run(graph), run(fewer)
    assert expected.keys() == came.keys()
    longer = 0
    for name, value in expected.items():
        end = came[name] if came[name].ndim < 4 else came[name][:, :, -value.shape[2] :]
        assert np.array_equal(end, value), name
        longer += came[name].shape != value.shape
    assert longer > 0


def product(sizes):
    """A chain of products with square matrices of these sizes, each with a signal of its own."""
    rng = np.random.default_rng(0)
    nodes, inputs, outputs, weights = [], [], [], []
    for k, size in enumerate(sizes):
        nodes.append(onnx.helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"y{k}"], name=f"product{k}"))
        weights.append(onnx.numpy_helper.from_array(rng.standard_normal((size, size)).astype(np.float32), f"w{k}"))
        for values, letter in ((inputs, "x"), (outputs, "y")):
            values.append(onnx.helper.make_tensor_value_info(f"{letter}{k}", onnx.TensorProto.FLOAT, [1, size]))
    graph = onnx.helper.make_graph(nodes, "products", inputs, outputs, weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)


def test_int8_takes_the_large_weights_alone():
    large, small = 256, 255
    assert small**2 < QUANTIZED_SIZE <= large**2
    graph = product([large, small])
    expected, came = run(graph), run(int8(graph))
    assert np.array_equal(came["y1"], expected["y1"])
    error = came["y0"] - expected["y0"]
    assert np.abs(error).max() > 0
    assert 10 * np.log10(np.square(expected["y0"]).sum() / np.square(error).sum()) > 35
