"""Operands that are converted while they are loaded: which types are stored, read and multiplied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.image_reads import IMAGE_AS_STORED
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F16, F32, I64, U8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.precision import PrecisionKernel
from glassrt.errors import UnsupportedError
from glassrt.testing.net import Net

FP16 = PrecisionPolicy.named("fp16")
RULE, LOADS = "contraction-prologue", "load-conversion"
Make = Callable[[Net], Value]


def product(net: Net, x: Value, columns: int = 3, **attributes: Any) -> Value:
    """X times weights that fit it."""
    depth = x.type.shape[-2 if attributes.get("transpose_a") else -1]
    assert isinstance(depth, int)
    return net.add(Matmul, x, net.weights(depth, columns), **attributes)


def table(net: Net, rows: int = 5, depth: int = 8) -> Value:
    return net.weights(rows, depth)


def lowered(make: Make, **switches: Any) -> tuple[list[PrecisionKernel], PassContext]:
    """The kernels of the net that MAKE builds, at the precision level."""
    net = Net()
    module = net.done(make(net))
    context = PassContext(ALL_DIALECTS, **{"policy": FP16, **switches})
    passes = passes_through("precision", REFERENCE)
    # Shapes that are large for the sake of the cost model would take long to interpret.
    large = any(value.type.elements == 4096 * 256 for value in module.main.arguments)
    result = PassManager(passes, context, verify_each="ir" if large else "semantics").run(module)
    return [op for op in result.main.block if isinstance(op, PrecisionKernel)], context


def types_of(kernel: PrecisionKernel) -> list[str]:
    return [str(value.type.dtype) for value in kernel.inputs]


def test_a_cast_keeps_the_type_that_is_stored() -> None:
    def make(net: Net) -> Value:
        return product(net, net.add(Cast, net.input("x", 4, 8, dtype=U8), to=F32))

    [kernel], _ = lowered(make)
    assert types_of(kernel) == ["u8", "f16"]
    assert (kernel.requested, kernel.compute, kernel.accumulate) == (F16, F16, F32)
    assert kernel.why == "fp16 policy; an output keeps its type"


def test_a_gathered_table_is_stored_as_it_is_multiplied() -> None:
    """However small it is: rows are then copied without a detour."""

    def make(net: Net) -> Value:
        return product(net, net.add(Gather, table(net), net.input("i", 4, dtype=I64)))

    [kernel], _ = lowered(make)
    assert types_of(kernel) == ["f16", "i64", "f16"]


def test_a_table_beyond_half_precision_is_multiplied_in_single() -> None:
    def make(net: Net) -> Value:
        rows = net.const(np.full((5, 8), 1e5, np.float32))
        return product(net, net.add(Gather, rows, net.input("i", 4, dtype=I64)))

    [kernel], _ = lowered(make, policy=PrecisionPolicy("fp16", allow_fallback=True))
    assert types_of(kernel) == ["f32", "i64", "f32"]
    assert "a weight exceeds the range of f16: it multiplies in f32" in kernel.why
    with pytest.raises(UnsupportedError) as error:
        lowered(make)
    # The product's format is asked for, not that of what is computed on the way.
    assert "--override node:matmul1=fp32" in str(error.value)
    [kernel], _ = lowered(make, policy=PrecisionPolicy("fp16", {"node:matmul1": "fp32"}))
    assert types_of(kernel) == ["f32", "i64", "f32"] and not kernel.fallback


def test_operands_are_converted_between_formats_while_they_are_loaded() -> None:
    """What an override stores wider or shorter needs no kernel of its own."""

    def make(net: Net) -> Value:
        return product(net, net.add(Relu, product(net, net.input("x", 4, 8), 8)))

    policy = PrecisionPolicy("fp16", {"node:relu1": "fp32"})
    [_, second], _ = lowered(make, policy=policy)
    assert types_of(second) == ["f32", "f16"] and second.compute == F16
    [first, second], _ = lowered(make, policy=PrecisionPolicy("fp16", {"node:matmul2": "fp32"}))
    assert types_of(second) == ["f16", "f32"] and second.compute == F32
    assert first.compute == F16


def test_an_input_is_rounded_while_it_is_loaded() -> None:
    def make(net: Net) -> Value:
        return net.linear(net.input("x", 4, 8), 3)

    [kernel], context = lowered(make)
    assert types_of(kernel) == ["f32", "f16", "f32"]
    assert "f32 is converted while it is loaded" in kernel.why and kernel.compute == F16
    taken = [r.reason for r in context.ledger if r.rule == LOADS and r.verdict is Verdict.TAKEN]
    assert taken == ["f32 is read, and converted to f16 while it is loaded"]


def twice(net: Net) -> Value:
    x = net.input("x", 4, 8)
    return net.add(Mul, net.linear(x, 3), net.add(Sigmoid, net.linear(x, 3)))


def squared(net: Net) -> Value:
    x = net.input("x", 8, 8)
    return net.add(Matmul, x, x)


def picture(net: Net) -> Value:
    return net.conv(net.input("x", 1, 4, 6, 6), 8)


def depthwise_position(net: Net) -> Value:
    return net.conv(net.input("x", 2, 4, 1, 1), 4, 1, groups=4)


def wide_input(net: Net) -> Value:
    return product(net, net.input("x", 4096, 256), 1536)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (twice, "several kernels read it as f16"),
        (squared, "both operands of the product are the same tensor"),
        (picture, "it is laid out by a kernel anyway"),
        (depthwise_position, "depthwise kernels read their input as it is"),
        (wide_input, "f32 would be read 12 times over: converting it to f16 once is cheaper"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_inputs_that_a_kernel_converts_are_recorded(make: Make, reason: str) -> None:
    made, context = lowered(make, disabled=frozenset({"horizontal-contraction", IMAGE_AS_STORED}))
    found = {r.reason for r in context.ledger if r.rule == LOADS and r.verdict is Verdict.REFUSED}
    assert f"f32 is converted to f16 by a kernel: {reason}" in found
    assert "loop" in {kernel.root for kernel in made}


def test_two_switches_turn_all_prologues_off() -> None:
    def make(net: Net) -> Value:
        rows = net.add(Gather, table(net), net.input("i", 4, dtype=I64))
        return net.add(Mul, product(net, rows), product(net, net.input("x", 4, 8)))

    made, context = lowered(make, disabled=frozenset({RULE, LOADS}))
    assert not any(r.rule in (RULE, LOADS) and r.verdict is Verdict.TAKEN for r in context.ledger)
    assert [kernel.root for kernel in made].count("loop") == 2
