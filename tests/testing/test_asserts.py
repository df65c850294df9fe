"""The assertions pass for what is right, and fail for what is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.patterns.matching import produced_by
from glassrt.compiler.patterns.rewrite import Rewriter, pattern
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Sub
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Abs, Neg
from glassrt.testing.asserts import (
    assert_agrees,
    assert_metamorphic,
    assert_node_agrees,
    assert_op_agrees,
    assert_rewrite_keeps_meaning,
    special_inputs,
)
from glassrt.testing.draft import Draft
from glassrt.testing.makers import MAKERS, node_maker
from glassrt.testing.net import Net
from glassrt.testing.random_graphs import seeded

X = np.float32([[-1.5, 0.25, 2.0], [0.0, -0.0, 3.0]])


@pattern("relu-abs", Relu)
def relu_abs(op: Relu, rewriter: Rewriter) -> bool:
    """relu(abs(x)) => abs(x)"""
    if produced_by(op.x, Abs) is None:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("abs-nothing", Abs)
def abs_nothing(op: Abs, rewriter: Rewriter) -> bool:
    """abs(x) => x, which is wrong"""
    rewriter.replace(op, op.x)
    return True


@pytest.fixture
def relu_of_abs(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(MAKERS, "relu_of_abs", None)

    @node_maker
    def relu_of_abs(d: Draft) -> str:
        return d.add("Relu", d.add("Abs", d.pick()))

    return "relu_of_abs"


def test_a_right_rule_keeps_the_meaning(relu_of_abs: str) -> None:
    assert_rewrite_keeps_meaning(relu_abs, must=[relu_of_abs], examples=10)


def test_a_wrong_rule_does_not(relu_of_abs: str) -> None:
    with pytest.raises(AssertionError, match=r"abs-nothing: output '.*' has other bits"):
        assert_rewrite_keeps_meaning(abs_nothing, must=[relu_of_abs], examples=10)


def test_a_rule_has_to_apply() -> None:
    @pattern("never", Neg)
    def never(op: Neg, rewriter: Rewriter) -> bool:
        """neg(x) => nothing else"""
        return False

    with pytest.raises(AssertionError, match="never applies to none"):
        assert_rewrite_keeps_meaning(never, examples=3)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (lambda: assert_op_agrees(Tanh, X), Tanh),
        (lambda: assert_op_agrees(Add, X, X[:1]), Add),
        (lambda: assert_op_agrees(Tanh, X, device="host"), Tanh),
    ],
    ids=["unary", "broadcast", "kernel"],
)
def test_an_op_agrees_with_itself(
    check: Callable[[], None], wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check()
    monkeypatch.setattr(wrong, "compute", lambda self, *arrays: np.float32(0.5) + 0 * sum(arrays))
    with pytest.raises(AssertionError):
        check()


def test_attributes_are_given_by_name() -> None:
    assert_op_agrees(Reduce, X, kind="sum", axes=[1])


def test_an_onnx_node_agrees() -> None:
    assert_node_agrees("Softmax", X, axis=0)
    assert_node_agrees("Clip", X, None, np.float32(1.0))
    assert_node_agrees("TopK", X, np.array([2], np.int64), outputs=2)


def test_a_refusal_fails_unless_it_is_taken() -> None:
    with pytest.raises(AssertionError, match="refused"):
        assert_node_agrees("RandomNormalLike", X)
    graph = seeded(0)
    assert {verdict.kind for verdict in assert_agrees(graph)} == {"agreed"}
    assert_metamorphic(graph, ["fusion", "stages"])


def test_special_inputs_are_special() -> None:
    net = Net()
    x, y = net.value("x", np.zeros((64,), np.float32)), net.value("y", np.zeros((64,), np.int8))
    module = net.done(net.add(Sub, x, x), y)
    found = special_inputs(module, 0)
    assert np.isnan(found["x"]).any() and np.isinf(found["x"]).any()
    assert found["y"].min() < -100 and found["y"].max() > 100
