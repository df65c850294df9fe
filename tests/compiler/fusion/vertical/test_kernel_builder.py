"""Kernels made of clusters: what goes inside, what becomes an operand, and who reads the result."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.vertical.clusters import ClusterPlan
from glassrt.compiler.fusion.vertical.kernel_builder import build_copy, build_kernel
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.unary import Exp, Neg
from glassrt.dialects.roots import Root
from glassrt.testing.net import Net

X = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)


def built(module: Module, root: Root, *values: Value) -> FusedKernel:
    """The kernel of the ops that make VALUES."""
    plan = ClusterPlan(module, module.main.block, REFERENCE)
    ops = [value.producer for value in values if value.producer is not None]
    cluster = plan.open(root, ops[0])
    for op in ops[1:]:
        plan.add(cluster, op)
    kernel = build_kernel(plan.finish()[0])
    verify(module, ALL_DIALECTS)
    return kernel


def names(kernel: FusedKernel) -> list[str]:
    return [op.name for op in kernel.body.block]


def test_ops_move_inside_and_readers_read_the_kernel() -> None:
    net = Net()
    x = net.input("x", 4, 8)
    exp = net.add(Exp, x)
    total = net.add(Add, exp, x)
    last = net.add(Neg, total)
    module = net.done(last, total)
    total.hint = "kept"
    kernel = built(module, Root.LOOP, exp, total)
    assert [op.name for op in module.main.block] == ["fused.kernel", "graph.neg", "core.return"]
    assert names(kernel) == ["graph.exp", "graph.add", "core.yield"] and kernel.root == "loop"
    assert list(kernel.inputs) == [x], "a value that is read twice is one operand"
    assert kernel.result.hint == "kept" and kernel.location.nodes == ("exp0", "add1")
    assert module.main.returned[1] is kernel.result and last.producer is not None
    assert last.producer.inputs[0] is kernel.result
    found = interpret(module, {"x": X})
    np.testing.assert_allclose(found["y1"], np.exp(X) + X, rtol=1e-6)
    np.testing.assert_allclose(found["y"], -(np.exp(X) + X), rtol=1e-6)


@pytest.mark.parametrize(("elements", "inside"), [(1, True), (8, False)])
def test_single_numbers_are_copied_inside(elements: int, inside: bool) -> None:
    net = Net()
    number = net.const(np.full(elements, 2.0, np.float32))
    scaled = net.add(Mul, net.input("x", 4, 8), number)
    module = net.done(net.add(Neg, scaled))
    kernel = built(module, Root.LOOP, scaled, module.main.returned[0])
    assert any(isinstance(op, Constant) for op in kernel.body.block) == inside
    assert len(kernel.inputs) == 2 - inside
    np.testing.assert_array_equal(interpret(module, {"x": X})["y"], -2 * X)


def test_contractions_read_their_operands_from_memory() -> None:
    net = Net()
    product = net.add(Matmul, net.input("x", 4, 1), net.const(np.full((1, 1), 3.0, np.float32)))
    scaled = net.add(Mul, product, net.const(np.array(2.0, np.float32)))
    module = net.done(scaled)
    kernel = built(module, Root.CONTRACTION, product, scaled)
    assert len(kernel.inputs) == 2, "the weight, though it is one number; not the factor behind"
    assert names(kernel)[:2] == ["graph.matmul", "graph.constant"]
    x = X[:, :1]
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], 6 * x)


def test_the_tensor_of_the_model_is_that_of_the_kernel_alone() -> None:
    net = Net()
    exp = net.add(Exp, net.input("x", 4, 8))
    module = net.done(net.add(Neg, exp))
    assert exp.producer is not None
    exp.producer.location = Location(("exp0",), tensors=("e",))
    inside = built(module, Root.LOOP, exp).body.block.first
    assert inside is not None and inside.location.nodes == ("exp0",) and inside.location.tensors == ()


def test_a_returned_view_is_a_copy() -> None:
    net = Net()
    x = net.input("x", 4, 8)
    module = net.done(x, net.add(Neg, x))
    kernel = build_copy(x, module.main.block.terminator, 0)
    verify(module, ALL_DIALECTS)
    assert module.main.returned[0] is kernel.result and kernel.root == "loop"
    np.testing.assert_array_equal(interpret(module, {"x": X})["y"], X)
