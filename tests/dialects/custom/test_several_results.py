"""Ops of several results, which have a body in CUDA: each is a tensor of its own to what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import IRError, ModelError
from glassrt.testing import assert_op_agrees
from onnx import NodeProto

from ...custom_ops import Parted, drawn, model, node


def on_host(
    nodes: Sequence[NodeProto], outputs: Sequence[str], precision: str = "fp32", **stored: np.ndarray
) -> tuple[glassrt.Plan, dict[str, np.ndarray]]:
    plan = glassrt.compile(model(nodes, outputs=outputs, **stored), target="host", precision=precision)
    with glassrt.load(plan, "host") as engine:
        return plan, engine.run({"x": drawn(3, 24)})


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_each_result_is_read_on_its_own(precision: str) -> None:
    """By others, by the model's outputs, and by both; the counts are integers in every format."""
    nodes = [
        node("Sin", ["x"], "a"),
        node("Parted", ["a"], "b", "first", "count"),
        node("Sub", ["a", "b"], "rest"),
        node("Cast", ["count"], "many", to=1),
        node("Mul", ["first", "many"], "y"),
    ]
    plan, found = on_host(nodes, ("rest", "y", "count", "first"), precision)
    a, within = np.sin(drawn(3, 24)), 2e-3 if precision == "fp16" else 1e-6
    np.testing.assert_array_equal(found["count"], (a > 0).sum(-1))
    np.testing.assert_allclose(found["first"], np.minimum(a[:, 0], 0), within, within)
    np.testing.assert_allclose(found["rest"], np.minimum(a, 0), within, within)
    np.testing.assert_allclose(found["y"], np.minimum(a[:, 0], 0) * (a > 0).sum(-1), within, 10 * within)
    for level in ("graph", "fused", "precision"):
        assert print_module(parse_module(plan.ir(level), ALL_DIALECTS)) == plan.ir(level)


def test_a_result_may_be_unread_or_unnamed() -> None:
    """The model may leave out the last ones, and any that nothing reads."""
    for outputs in (("y",), ("y", "", "z"), ("y", "z")):
        _, found = on_host([node("Parted", ["x"], *outputs), node("Neg", ["y"], "w")], ("w",))
        np.testing.assert_array_equal(found["w"], -np.maximum(drawn(3, 24), 0))
    _, found = on_host([node("Parted", ["x"], "y", "z", "count")], ("count",))
    np.testing.assert_array_equal(found["count"], (drawn(3, 24) > 0).sum(-1))
    with pytest.raises(ModelError, match="it has 4 outputs, 1 to 3 are expected"):
        on_host([node("Parted", ["x"], "y", "a", "b", "c")], ("y",))


def test_parts_of_others_and_views_are_written_out() -> None:
    nodes = [node("Parted", ["x"], "a", "f", "c"), node("Concat", ["a", "x"], "y", axis=1)]
    _, found = on_host([*nodes, node("Transpose", ["a"], "z")], ("y", "z"))
    positive = np.maximum(drawn(3, 24), 0)
    np.testing.assert_array_equal(found["y"], np.hstack([positive, drawn(3, 24)]))
    np.testing.assert_array_equal(found["z"], positive.T)


def test_constants_fold_to_each_result() -> None:
    w = drawn(4, 24)
    plan, found = on_host(
        [node("Parted", ["w"], "a", "f", "c"), node("Add", ["x", "a1"], "y"), node("ReduceMax", ["a"], "a1")],
        ("y", "c"),
        w=w,
    )
    assert "parted" not in plan.ir("graph")
    np.testing.assert_array_equal(found["c"], (w > 0).sum(-1))
    np.testing.assert_array_equal(found["y"], drawn(3, 24) + w.max())


def test_it_keeps_what_every_op_promises() -> None:
    for precision in ("fp32", "fp16"):
        assert_op_agrees(Parted, drawn(3, 24), device="host", precision=precision, symbolic=False)


def wrong(**methods: Any) -> str:
    """What is said of an op of two results with METHODS."""
    with custom.registered():

        @custom.op("glass.several::Wrong")
        class Wrong(custom.CudaOp):
            x = custom.operand()
            y = custom.result()
            z = custom.result()

            def result_type(self) -> Any:
                return methods.get("result_type", (self.x.type, self.x.type))

            def compute(self, x: Any) -> Any:
                return methods.get("compute", (x, x))

            def cuda(self) -> custom.CudaBody:
                return custom.CudaBody("y[block] = z[block] = x[block];", blocks=1, threads=1)

        made = model(
            [node("Wrong", ["w"], "y", "z", domain="glass.several")], w=drawn(24), domain="glass.several"
        )
        with pytest.raises((IRError, ModelError)) as caught:
            glassrt.compile(made, target="host")
    return str(caught.value)


def test_as_many_are_given_as_there_are() -> None:
    one, where = custom.TensorType((24,), custom.F32), "of glass.several::Wrong in test_several_results.py"
    for given, said in (((one,), "1 of them"), (one, "TensorType")):
        assert f"result_type {where} gives {said}, not a tuple for its 2 results" in wrong(result_type=given)
    assert f"compute {where} gives ndarray, not a tuple" in wrong(compute=np.zeros((2, 24)))
    assert "gives the shape [23] where result_type says [24]" in wrong(compute=(np.zeros(24), np.zeros(23)))
