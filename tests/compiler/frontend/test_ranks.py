"""Inputs without a shape get their rank from the nodes that read them, or from declarations behind these."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import UnsupportedError
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .graphs import model, node
from .test_shapes import agrees, ints, types

STORED = {
    "w": np.ones((2, 3, 3, 3), np.float32),
    "c": np.ones(3, np.float32),
    "half": np.array(0.5, np.float32),
    "row": np.ones((1, 3, 1, 1), np.float32),
    "pads": ints(0, 1, 0, 1),
    "axes": ints(1, 2),
    "repeats": ints(1, 2, 1),
    "scales": np.array([1, 2], np.float32),
    "axis": ints(1),
    "front": ints(0),
    "zero": ints(0).reshape(()),
    "b": np.ones((4, 5), np.float32),
    "places": ints(0, 1).reshape(1, 2),
    "boxes": np.ones((1, 4), np.float32),
    "zero1": ints(0),
}


def shapeless(*nodes: NodeProto, declared: int | None = None) -> ModelProto:
    """NODES from x, whose type has no shape, to y, with DECLARED dimensions if that is given."""
    made = model(nodes, {"x": ("N",)}, constants=STORED)
    made.graph.input[0].type.tensor_type.ClearField("shape")
    if declared is not None:
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * declared)
        made.graph.output[0].CopyFrom(y)
    return made


TOLD: dict[str, tuple[list[NodeProto], tuple[int, ...]]] = {
    "a convolution": ([node("Conv", "x w", pads=[1, 1, 1, 1])], (2, 3, 5, 4)),
    "behind arithmetic": (
        [node("Sub", "x half", "a"), node("Mul", "half a", "m"), node("BatchNormalization", "m c c c c", "d"),
         node("Conv", "d w", pads=[1, 1, 1, 1])],
        (2, 3, 4, 4),
    ),
    "behind a constant of fewer dimensions": (
        [node("Mul", "x c", "a"), node("Transpose", "a", perm=[0, 2, 1])], (2, 4, 3),
    ),
    "behind a reduction": ([node("ReduceMax", "x", "a"), node("Transpose", "a", perm=[1, 0])], (2, 3)),
    "nodes out of order": ([node("Conv", "a w", pads=[1, 1, 1, 1]), node("Relu", "x", "a")], (1, 3, 4, 4)),
    "a window": ([node("MaxPool", "x", kernel_shape=[1])], (2, 3, 4)),
    "a permutation": ([node("Transpose", "x", perm=[1, 0])], (2, 3)),
    "a product": ([node("Gemm", "x b")], (3, 4)),
    "pads": ([node("Relu", "x", "a"), node("Pad", "a pads")], (2, 3)),
    "repeats": ([node("Tile", "x repeats")], (2, 3, 2)),
    "scales": ([node("Resize", "x _ scales", mode="nearest")], (2, 3)),
    "behind axes that are added": (
        [node("Unsqueeze", "x front", "a"), node("Conv", "a w", pads=[1, 1, 1, 1])], (3, 5, 4),
    ),
    "behind an axis that is taken away": (
        [node("ReduceSum", "x axis", "a", keepdims=0), node("Squeeze", "a axis", "d"), node("Gemm", "d b")],
        (3, 4, 1, 4),
    ),
    "behind an index": ([node("Gather", "x zero", "a"), node("Gemm", "a b")], (2, 3, 4)),
    "behind the place of a maximum": (
        [node("ArgMax", "x", "a", keepdims=0), node("Transpose", "a", perm=[1, 0])], (2, 3, 4),
    ),
    "behind a product": ([node("MatMul", "x b", "a"), node("Transpose", "a", perm=[0, 2, 1])], (2, 3, 4)),
    "behind a part": ([node("Split", "x", "c0 a", num_outputs=2), node("Gemm", "a b")], (4, 4)),
    "the second operand of a product": ([node("Gemm", "b x")], (5, 3)),
    "a constant beside it": ([node("Concat", "c x", axis=0)], (2,)),
    "more than constants have": (
        [node("Unsqueeze", "x axis", "a"), node("Add", "a c", "d"), node("Transpose", "d", perm=[0, 2, 1])],
        (2, 3),
    ),
    "a letter for each axis": ([node("Einsum", "x b", equation="ij, jk -> ik")], (3, 4)),
    "behind a comparison": (
        [node("Less", "x half", "g"), node("Where", "g x half", "a"), node("Transpose", "a", perm=[0, 2, 1])],
        (2, 3, 4),
    ),
    "behind the largest": ([node("TopK", "x axis", "a b0", axis=0), node("Gemm", "a b")], (3, 4)),
    "elements that are picked": ([node("GatherElements", "x places", axis=1)], (2, 3)),
    "regions of interest": ([node("RoiAlign", "x boxes zero1")], (1, 2, 4, 4)),
    "blocks": ([node("SpaceToDepth", "x", blocksize=1)], (2, 3, 2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_a_node_tells_the_rank(case: str) -> None:
    nodes, shape = TOLD[case]
    agrees(shapeless(*nodes), shape)


def test_a_declaration_tells_the_rank() -> None:
    module = agrees(shapeless(node("Relu", "x", "a"), node("Mul", "a half"), declared=2), (2, 3), (4, 0))
    assert types(module) == ["tensor<D0xD1xf32>"]


def test_what_is_joined_with_it_tells_the_rank() -> None:
    made = model([node("Relu", "x", "a"), node("Concat", "a z", axis=1)], {"x": ("N",), "z": (2, 3)})
    made.graph.input[0].type.tensor_type.ClearField("shape")
    assert len(import_model(made).main.arguments[0].type.shape) == 2


def test_a_constant_node_is_a_scalar_too() -> None:
    scalar = helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(np.float32(2)))
    agrees(shapeless(scalar, node("Add", "x k", "a"), node("Transpose", "a", perm=[0, 2, 1])), (2, 3, 4))


UNTOLD = {
    "nothing": [node("Softmax", "x")],
    "a constant that may have more dimensions": [node("Mul", "x row", "a"), node("Conv", "a w")],
    "one of as many": [node("Mul", "b x", "a"), node("Add", "a a", "e"), node("Transpose", "e", perm=[1, 0])],
    "a reduction without the axes": [node("ReduceMax", "x", "a", keepdims=0), node("Gemm", "a b")],
    "a node that changes it": [node("Flatten", "x", "a"), node("Gemm", "a b")],
    "pads of some axes": [node("Pad", "x pads _ axes")],
    "an index that may be of any rank": [node("Gather", "b x", "a"), node("Gemm", "a b")],
    "no more than constants have": [
        node("Unsqueeze", "x axis", "a"),
        node("Add", "a row", "d"),
        node("Conv", "d w"),
    ],
    "an op of another domain": [node("Relu", "x", "a", domain="of.mine"), node("Conv", "a w")],
}


@pytest.mark.parametrize("case", UNTOLD)
def test_where_no_node_tells_it_there_is_a_hint(case: str) -> None:
    made = shapeless(*UNTOLD[case])
    with pytest.raises(UnsupportedError) as caught:
        import_model(made)
    assert "no node tells its rank" in str(caught.value)
    assert "inputs={'x': [1, 3, 'H', 'W']}, or --input x=1,3,H,W" in str(caught.value)


def test_a_shape_that_is_given_counts() -> None:
    module = import_model(shapeless(node("Relu", "x")), inputs={"x": ["N", 3]})
    assert types(module) == ["tensor<Nx3xf32>"]
