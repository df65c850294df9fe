"""Lists of axes, starts and pads in inputs whose length only a run knows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.errors import InputError, UnsupportedError
from onnx import ModelProto, TensorProto, helper

from ...models import Array, run_onnxruntime
from .nodes import LEVEL, ints

X = np.random.default_rng(0).standard_normal((2, 3, 4), dtype=np.float32)
FARTHEST = np.iinfo(np.int64).max


def listed(op: str, lists: Sequence[str], shape: Sequence[int] = X.shape, **attributes: Any) -> ModelProto:
    """OP on x and LISTS, inputs of lengths that only a run knows; "" is an absent one."""
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    values += [
        helper.make_tensor_value_info(name, TensorProto.INT64, [f"n_{name}"]) for name in lists if name
    ]
    node = helper.make_node(op, ["x", *lists], ["y"], "the node", **attributes)
    graph = helper.make_graph([node], "lists", values, [helper.make_empty_tensor_value_info("y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def agrees(model: ModelProto, *rows: dict[str, Array]) -> None:
    """One module gives what ONNX Runtime gives for each of ROWS, also when its text is read back."""
    module = import_model(model)
    verify(module, LEVEL)
    again = parse_module(print_module(module), LEVEL)
    for row in rows:
        given = {"x": X, **row}
        expected = run_onnxruntime(model, given)["y"]
        for each in (module, again):
            np.testing.assert_allclose(
                interpret(each, given)["y"], expected, rtol=1e-5, atol=1e-5, err_msg=f"{row}"
            )


AXES = [
    row
    for count in range(1, 4)
    for row in permutations(range(-3, 3), count)
    if len({a % 3 for a in row}) == count
]


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax", "ReduceLogSumExp"])
def test_axes_of_a_reduction(op: str) -> None:
    agrees(listed(op, ["axes"]), *[{"axes": ints(*row)} for row in ((), *AXES[::5])])


def test_no_axes_may_reduce_nothing() -> None:
    agrees(
        listed("ReduceSum", ["axes"], noop_with_empty_axes=1), *[{"axes": ints(*row)} for row in ((), (1,))]
    )


def test_starts_ends_axes_and_steps_of_a_slice() -> None:
    rows = [
        {"starts": ints(1), "ends": ints(FARTHEST), "axes": ints(-1), "steps": ints(2)},
        {"starts": ints(-1, 0), "ends": ints(-9, 2), "axes": ints(2, 1), "steps": ints(-1, 1)},
        {"starts": ints(0, 1, 0), "ends": ints(2, 3, 3), "axes": ints(0, 1, 2), "steps": ints(1, 1, 1)},
    ]
    agrees(listed("Slice", ["starts", "ends", "axes", "steps"]), *rows)
    agrees(
        listed("Slice", ["starts", "ends"]), *[{k: row[k] for k in ("starts", "ends")} for row in rows[2:]]
    )


def test_pads_and_their_axes() -> None:
    rows = [((1, 2), (1,)), ((0, 1, 2, 0), (2, 0)), ((1, 0, 0, 0, -1, 2), (0, 2, 1)), ((), ())]
    agrees(listed("Pad", ["pads", "", "axes"]), *[{"pads": ints(*p), "axes": ints(*a)} for p, a in rows])
    agrees(listed("Pad", ["pads"]), {"pads": ints(0, 1, 0, 2, 0, -1)})


def test_the_host_reads_as_many_as_there_are() -> None:
    model = listed("ReduceSum", ["axes"])
    with glassrt.load(glassrt.compile(model, target="host"), device="host") as engine:
        for axes in ((0,), (1, -1), ()):
            given = {"x": X, "axes": ints(*axes)}
            np.testing.assert_allclose(engine.run(given)["y"], run_onnxruntime(model, given)["y"], rtol=1e-6)
        with pytest.raises(InputError, match="has the wrong shape"):
            engine.run({"x": X, "axes": ints(0, 1, 2, 0)})
        with pytest.raises(InputError, match="its axes are distinct"):
            engine.run({"x": X, "axes": ints(0, -3)})


@pytest.mark.parametrize(
    "model",
    [listed("ReduceSum", ["axes"], keepdims=0), listed("Squeeze", ["axes"]), listed("Unsqueeze", ["axes"])],
    ids=lambda model: str(model.graph.node[0].op_type),
)
def test_the_rank_of_a_result_needs_the_length(model: ModelProto) -> None:
    with pytest.raises(UnsupportedError, match=r"the rank of its result depends on n_axes.*--input axes=1"):
        import_model(model)
    module = import_model(model, inputs={"axes": [1], "x": [1, 3, 4]})
    expected = (3, 4) if model.graph.node[0].op_type != "Unsqueeze" else (1, 1, 3, 4)
    found = interpret(module, {"x": X[:1], "axes": ints(0)})["y"]
    np.testing.assert_array_equal(found, X[:1].reshape(expected))
