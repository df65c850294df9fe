"""Kernels take in what is computed for them alone, and end where a single value enters them."""

from __future__ import annotations

import pytest
from glassrt.compiler.fusion.vertical.producers import PRODUCER_RULES
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.dtypes import I64
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Exp, Neg, Sigmoid
from glassrt.testing.net import Net

from ...fusing import fuse, image, kernels


def test_a_kernel_has_a_limit_of_ops() -> None:
    net = Net()
    value = net.input("x", 4)
    for _ in range(20):
        value = net.add(Sigmoid, value)
    module = net.done(value)
    context = fuse(module, options=Options(kernel_ops=8))
    assert [len(line.split()) - 1 for line in kernels(module)] == [4, 8, 8]
    assert "the kernel already has 8 ops" in {r.reason for r in context.ledger}


def test_a_full_kernel_ends_where_a_single_value_enters_it() -> None:
    net = Net()
    value = net.input("x", 4, 5)
    for _ in range(20):
        value = net.add(Add, value, net.add(Sigmoid, value))
    module = net.done(value)
    fuse(module, options=Options(kernel_ops=9))
    assert [len(line.split()) - 1 for line in kernels(module)] == [8] * 5


def test_a_full_window_kernel_ends_there_as_well() -> None:
    net = Net()
    value = image(net)
    for _ in range(10):
        value = net.add(Add, value, net.add(Relu, value))
    module = net.done(net.add(MaxPool, value, kernel=[1, 1]))
    fuse(module, options=Options(kernel_ops=8))
    assert [len(line.split()) - 1 for line in kernels(module)] == [6, 8, 7]


def to_a_row(net: Net) -> Value:
    return net.add(Softmax, net.add(Exp, net.input("x", 4, 8)), axis=1)


def to_a_product(net: Net) -> Value:
    return net.add(Matmul, net.add(Relu, net.input("x", 4, 8)), net.weights(8, 6))


def to_an_epilogue(net: Net) -> Value:
    return net.add(Add, net.conv(image(net), 4), net.add(Exp, image(net, name="z")))


def looked_up(net: Net) -> Value:
    rows = net.input("i", 4, dtype=I64)
    return net.add(Softmax, net.add(Gather, net.input("x", 9, 8), rows), axis=1)


def to_a_loop(net: Net) -> Value:
    return net.add(Neg, net.add(Exp, net.input("x", 4, 8)))


def moved(net: Net) -> Value:
    return net.add(Neg, net.add(Transpose, net.input("x", 4, 8), perm=[1, 0]))


def reshaped(net: Net) -> Value:
    turned = net.add(Transpose, net.input("x", 2, 3, 4), perm=[1, 0, 2])
    return net.add(Transpose, net.add(Reshape, turned, shape=[6, 4]), perm=[1, 0])


CASES = {
    "row-producer": (to_a_row, ["row: exp softmax"]),
    "contraction-prologue": (to_a_product, ["contraction: relu matmul"]),
    "epilogue-operand": (to_an_epilogue, ["contraction: conv exp add"]),
    "loop-elementwise": (to_a_loop, ["loop: exp neg"]),
    "loop-movement": (moved, ["loop: transpose neg"]),
    "row-lookup": (looked_up, ["row: gather softmax"]),
    "loop-reshape": (reshaped, ["loop: transpose reshape transpose"]),
}


@pytest.mark.parametrize("rule", PRODUCER_RULES)
def test_the_kernel_of_the_reader_says_by_which_rule(rule: str) -> None:
    make, wanted = CASES[rule]
    net = Net()
    module = net.done(make(net))
    context = fuse(module)
    assert kernels(module) == wanted
    assert rule in {record.rule for record in context.ledger if record.verdict is Verdict.TAKEN}
    net = Net()
    apart = net.done(make(net))
    context = fuse(apart, disabled=frozenset({rule}))
    assert len(kernels(apart)) > len(wanted)
    assert rule in {record.rule for record in context.ledger if record.verdict is Verdict.DISABLED}


def two_readers() -> Module:
    net = Net()
    value = net.add(Exp, net.input("x", 4, 8))
    return net.done(net.add(Softmax, value, axis=1), net.add(Softmax, value, axis=0))


def test_what_several_kernels_read_is_one_of_its_own() -> None:
    module = two_readers()
    context = fuse(module)
    assert kernels(module) == ["loop: exp", "row: softmax", "row: softmax"]
    reasons = {record.reason for record in context.ledger if record.verdict is Verdict.REFUSED}
    assert "its result is read by several kernels" in reasons


def test_parts_that_are_stored_anyway_are_written_in_place() -> None:
    net = Net()
    x = image(net, 8)
    whole = net.add(Concat, net.conv(x, 8), net.conv(x, 8, 1), axis=1)
    module = net.done(net.add(MaxPool, whole, kernel=[2, 2]))
    context = fuse(module)
    assert kernels(module) == ["contraction: conv", "contraction: conv", "loop: concat", "loop: max_pool"]
    assert any("write them in place" in record.reason for record in context.ledger)


def test_a_window_reads_its_operand_from_memory() -> None:
    net = Net()
    pooled = net.add(MaxPool, image(net), kernel=[3, 3])
    module = net.done(net.add(Transpose, net.add(Exp, pooled), perm=[0, 2, 3, 1]), pooled)
    fuse(module)
    assert kernels(module)[0] == "loop: max_pool"
