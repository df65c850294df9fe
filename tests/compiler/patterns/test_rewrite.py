"""The worklist driver and the rewriter."""

from __future__ import annotations

import pytest
from glassrt.compiler.patterns.rewrite import Applied, Rewriter, pattern, rewrite
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Abs, Neg, Sigmoid
from glassrt.errors import IRError
from glassrt.testing.net import Net


@pattern("relu-to-abs", Relu)
def relu_to_abs(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => abs(x)"""
    rewriter.replace(op, rewriter.insert(Abs(op.x)).result)
    return True


@pattern("abs-to-relu", Abs)
def abs_to_relu(op: Abs, rewriter: Rewriter) -> bool:
    """abs(x) => relu(x)"""
    rewriter.replace(op, rewriter.insert(Relu(op.x)).result)
    return True


@pattern("neg-neg", Neg)
def neg_neg(op: Neg, rewriter: Rewriter) -> bool:
    """neg(neg(x)) => x"""
    inner = op.x.producer
    if not isinstance(inner, Neg):
        return False
    rewriter.replace(op, inner.x)
    return True


def test_new_operations_take_the_place_the_name_and_the_location() -> None:
    net = Net()
    x = net.input("x", 2)
    y = net.add(Relu, x)
    y.hint = "act"
    module = net.done(net.add(Sigmoid, y))
    applied: list[Applied] = []
    assert rewrite(module, [relu_to_abs], applied.append) == 1
    assert applied == [Applied("relu-to-abs", "relu(x) => abs(x)", "graph.relu", ("relu0",))]
    assert '%act = graph.abs %x : tensor<2xf32> loc("relu0")' in print_module(module)


def test_locations_of_what_was_removed_go_to_what_remains() -> None:
    net = Net()
    y = net.add(Sigmoid, net.input("x", 2))
    module = net.done(net.add(Neg, net.add(Neg, y)))
    rewrite(module, [neg_neg])
    (op, _) = list(module.main.block)
    assert op.location.nodes == ("sigmoid0", "neg2")


def test_long_chains_collapse_in_one_go() -> None:
    net = Net()
    value = x = net.input("x", 2)
    for _ in range(5001):
        value = net.add(Neg, value)
    module = net.done(value)
    assert rewrite(module, [neg_neg]) == 2500
    assert len(module.main.block) == 2 and module.main.block.first is x.users[0]


def test_dead_operations_go_on_the_way() -> None:
    net = Net()
    x = net.input("x", 2)
    for _ in range(3):
        net.add(Relu, net.add(Abs, x))
    module = net.done(x)
    assert rewrite(module, []) == 0
    assert len(module.main.block) == 1


def test_rules_that_never_end_are_an_error_that_names_one() -> None:
    net = Net()
    module = net.done(net.add(Relu, net.input("x", 2)))
    with pytest.raises(IRError, match=r"the rule '(relu-to-abs|abs-to-relu)' was applied without end"):
        rewrite(module, [relu_to_abs, abs_to_relu])
