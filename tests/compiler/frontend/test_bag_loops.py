"""Loops over bags as `torch.onnx` writes them: what becomes one op, and what stays a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend.importer import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.embedding import EmbeddingBag
from glassrt.errors import GlassError
from onnx import TensorProto, helper, numpy_helper

ROWS, WIDTH = 9, 3
TABLE = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
INDICES, OFFSETS = np.array([4, 0, 8, -1, 2, 2, 7]), np.array([0, 3, 3, 5])
info, node = helper.make_tensor_value_info, helper.make_node


class Spelling:
    """An EmbeddingBag with offsets; each field says how a part of it is written."""

    def __init__(self, **changes: Any) -> None:
        self.kind, self.weighted, self.closed, self.opset = "ReduceSum", False, False, 17
        self.offsets: np.ndarray[Any, Any] | None = None  # a constant
        self.count: int | str = "N"
        self.going = "true"
        self.axis = 0
        self.edit: Callable[[list[onnx.NodeProto]], object] = lambda nodes: None
        vars(self).update(changes)

    def model(self) -> onnx.ModelProto:
        constants = {"table": TABLE, "zero": [0], "one": [1], "end": [2**63 - 1], "first": 0}
        inputs = [info("indices", TensorProto.INT64, [self.count])]
        if self.offsets is None:
            inputs.append(info("offsets", TensorProto.INT64, ["B"]))
        else:
            constants["offsets"] = self.offsets
        nodes, whole = [], "offsets"
        if not self.closed:
            nodes += [node("Shape", ["indices"], ["shape"]), node("Gather", ["shape", "first"], ["n"])]
            nodes += [
                node("Unsqueeze", ["n", "zero"], ["n1"]),
                node("Concat", ["offsets", "n1"], ["all"], axis=0),
            ]
            whole = "all"
        nodes += [node("Slice", [whole, "zero", "end", "zero"], ["begins"])]
        nodes += [node("Slice", [whole, "one", "end", "zero"], ["ends"]), node("Shape", ["ends"], ["bags"])]
        nodes += [node("Gather", ["bags", "first"], ["trips"])]
        if self.weighted:
            inputs.append(info("weights", TensorProto.FLOAT, [self.count]))
        body = helper.make_graph(
            self._body(),
            "body",
            [info("it", TensorProto.INT64, []), info("on", TensorProto.BOOL, [])],
            [info("going", TensorProto.BOOL, []), info("sum", TensorProto.FLOAT, None)],
        )
        nodes.append(node("Loop", ["trips", "true"], ["y"], body=body))
        arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
        arrays.append(numpy_helper.from_array(np.array(True), "true"))
        graph = helper.make_graph(nodes, "g", inputs, [info("y", TensorProto.FLOAT, None)], arrays)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)

    def _body(self) -> list[onnx.NodeProto]:
        nodes = [
            *(node("Gather", [f"{end}s", "it"], [f"{end}0"], axis=0) for end in ("begin", "end")),
            *(node("Unsqueeze", [f"{end}0", "zero"], [end + "1"]) for end in ("begin", "end")),
            node("Slice", ["indices", "begin1", "end1", "zero"], ["own"]),
            node("Gather", ["table", "own"], ["rows"], axis=self.axis),
        ]
        rows = "rows"
        if self.weighted:
            nodes.append(node("Slice", ["weights", "begin1", "end1", "zero"], ["factors"]))
            nodes.append(node("Unsqueeze", ["factors", "one"], ["column"]))
            nodes.append(node("Mul", [rows, "column"], ["scaled"]))
            rows = "scaled"
        if self.kind == "ReduceSum" or self.opset >= 18:
            nodes.append(node(self.kind, [rows, "zero"], ["sum"], keepdims=0))
        else:
            nodes.append(node(self.kind, [rows], ["sum"], axes=[0], keepdims=0))
        nodes.append(node("Cast", [self.going], ["going"], to=TensorProto.BOOL))
        self.edit(nodes)
        return nodes


def sums(offsets: np.ndarray[Any, Any], closed: bool, weights: Any, mean: bool) -> np.ndarray[Any, Any]:
    ends = [*offsets[1:], *([] if closed else [len(INDICES)])]
    found = []
    for begin, end in zip(offsets, ends, strict=False):
        rows = TABLE[INDICES[begin:end]] * (1 if weights is None else weights[begin:end, None])
        found.append(rows.mean(0) if mean and len(rows) else rows.sum(0))
    return np.stack(found)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weighted": True, "opset": 20},
        {"kind": "ReduceMean"},
        {"kind": "ReduceMean", "closed": True, "weighted": True, "opset": 18},
        {"going": "on"},
        {"offsets": OFFSETS},
        {"offsets": OFFSETS, "count": 7},
        {"offsets": np.array([0, 2, 7]), "closed": True},
    ],
)
def test_they_are_one_op(changes: dict[str, Any]) -> None:
    spelling = Spelling(**changes)
    module = import_model(spelling.model())
    (op,) = (op for op in module.main.block if isinstance(op, EmbeddingBag))
    assert op.ragged and op.closed is spelling.closed
    given: dict[str, Any] = {"indices": INDICES}
    offsets = OFFSETS if spelling.offsets is None else spelling.offsets
    if spelling.offsets is None:
        given["offsets"] = offsets
    weights = np.random.default_rng(0).standard_normal(len(INDICES), dtype=np.float32)
    if spelling.weighted:
        given["weights"] = weights
    (y,) = interpret(module, given).values()
    want = sums(
        offsets, spelling.closed, weights if spelling.weighted else None, spelling.kind == "ReduceMean"
    )
    np.testing.assert_allclose(y, want, rtol=1e-6)


def test_bags_that_are_known_to_be_equally_long_are_lines() -> None:
    spelling = Spelling(offsets=np.array([0, 4, 8]), count=12, weighted=True)
    (op,) = (op for op in import_model(spelling.model()).main.block if isinstance(op, EmbeddingBag))
    assert not op.ragged and [bag.indices.type.shape for bag in op.bags] == [(3, 4)]


def _other_end(nodes: list[onnx.NodeProto]) -> None:
    nodes[4].input[2] = "begin1"


def _other_list(nodes: list[onnx.NodeProto]) -> None:
    nodes[1].input[0] = "begins"


def _other_op(nodes: list[onnx.NodeProto]) -> None:
    nodes[-2].op_type = "ReduceMax"


def _step(nodes: list[onnx.NodeProto]) -> None:
    nodes[4].input.append("step")
    nodes.insert(0, node("Constant", [], ["step"], value_ints=[2]))


@pytest.mark.parametrize("edit", [_other_end, _other_list, _other_op, _step])
def test_other_loops_are_not_taken_for_one(edit: Callable[[list[onnx.NodeProto]], object]) -> None:
    with pytest.raises(GlassError):  # how many rows an iteration has depends on data
        import_model(Spelling(edit=edit, count=7).model())
