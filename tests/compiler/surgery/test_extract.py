"""Parts of a model between tensors give the values that these have in the whole."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from glassrt import InputError, extract
from glassrt.testing.oracles import onnx_runtime
from onnx import helper

from ...places import DIGITS

IMAGES = {"image": np.random.default_rng(3).standard_normal((2, 1, 8, 8)).astype(np.float32)}


def test_a_part_between_nodes_and_tensors() -> None:
    part = extract(DIGITS, ["relu_5_out", "conv_6"], ["add_8", "relu_9_out"])
    assert [value.name for value in part.graph.input] == ["relu_5_out", "relu_2_out"] or len(
        part.graph.input
    ) == 2
    assert [value.name for value in part.graph.output] == ["add_8_out", "relu_9_out"]
    whole = onnx.load(DIGITS)
    names = [value.name for value in (*part.graph.input, *part.graph.output)]
    whole.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name != "image")
    values = IMAGES | (onnx_runtime(whole, IMAGES) or {})
    found = onnx_runtime(part, {value.name: values[value.name] for value in part.graph.input})
    assert found is not None
    for name, array in found.items():
        np.testing.assert_allclose(array, values[name], rtol=1e-5, atol=1e-5)
    dims = part.graph.input[0].type.tensor_type.shape.dim
    assert dims[0].dim_param == "N"  # a named dimension stays one


def test_one_end_may_be_a_name() -> None:
    assert extract(DIGITS, "relu_5_out", "maxpool_10") == extract(DIGITS, ["relu_5_out"], ["maxpool_10"])


def test_without_ends_it_is_the_whole() -> None:
    assert len(extract(DIGITS).graph.node) == len(onnx.load(DIGITS).graph.node)


@pytest.mark.parametrize(
    ("start", "end", "says", "hint"),
    [
        (["conv_7"], [], "no tensor and no node 'conv_7'", "there are conv"),
        (["relu_9_out"], ["relu_2_out"], "'relu_9_out' has no part in relu_2_out", "before them"),
    ],
)
def test_what_is_no_part_is_an_error(start: list[str], end: list[str], says: str, hint: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        extract(DIGITS, start, end)
    assert hint in (caught.value.hint or "")


def test_an_output_of_several_needs_the_others_as_well() -> None:
    nodes = [
        helper.make_node("Split", ["x"], ["a", "b"], name="split", num_outputs=2),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, 1, [4]) for name in "x"]
    graph = helper.make_graph(nodes, "g", values, [helper.make_tensor_value_info("y", 1, [2])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    with pytest.raises(InputError, match="needs 'b' besides") as caught:
        extract(model, ["a"])
    assert caught.value.hint == "add --from b"
    assert [node.op_type for node in extract(model, ["a", "b"]).graph.node] == ["Add"]
