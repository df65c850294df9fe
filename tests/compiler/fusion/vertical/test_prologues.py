"""Prologues: what a contraction computes while it loads its first operand, what not, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F32, I8, I32, I64, U8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Div, Mul, Sub
from glassrt.dialects.graph.contraction import Conv, Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.unary import Exp, Sigmoid, Sqrt

from ....property.graphs import Net
from ...fusing import fuse, image, joined, kernels

FP16 = PrecisionPolicy.named("fp16")
RULE = "contraction-prologue"
Make = Callable[[Net], Value]


def fused(make: Make, **switches: Any) -> list[str]:
    """The kernels of the net that MAKE builds."""
    net = Net()
    module = net.done(make(net))
    fuse(module, **switches)
    return kernels(module)


def product(net: Net, x: Value, columns: int = 3, **attributes: Any) -> Value:
    """X times weights that fit it."""
    depth = x.type.shape[-2 if attributes.get("transpose_a") else -1]
    assert isinstance(depth, int)
    return net.add(Matmul, x, net.weights(depth, columns), **attributes)


def table(net: Net, rows: int = 5, depth: int = 8) -> Value:
    return net.weights(rows, depth)


class TestElements:
    def test_prologues_can_be_switched_off(self) -> None:
        outside, inside = ["loop: relu", "contraction: matmul"], ["contraction: relu matmul"]
        for disabled, want in ((frozenset({"contraction-prologue"}), outside), (frozenset(), inside)):
            net = Net()
            x = net.add(Relu, net.input("x", 4, 8))
            module = net.done(net.add(Matmul, x, net.weights(8, 3)))
            fuse(module, disabled=disabled)
            assert kernels(module) == want

    def test_scale_shift_and_activation_become_the_prologue(self) -> None:
        net = Net()
        y = net.bias(net.add(Mul, joined(net), net.weights(4, 1, 1)))
        module = net.done(net.conv(net.add(Relu, y), 8))
        fuse(module)
        assert kernels(module) == ["loop: concat", "contraction: mul add relu conv"]

    def test_an_image_is_cast_and_normalised(self) -> None:
        def make(net: Net) -> Value:
            wide = net.add(Cast, net.input("x", 4, 8, dtype=U8), to=F32)
            centered = net.add(Sub, wide, net.weights(8))
            return product(net, net.add(Div, centered, net.weights(8, around=3.0)))

        assert fused(make) == ["contraction: cast sub div matmul"]

    def test_an_input_of_another_type(self) -> None:
        def make(net: Net) -> Value:
            return net.linear(net.add(Relu, net.input("x", 4, 8)), 3)

        assert fused(make, policy=FP16) == ["contraction: relu matmul add"]

    def test_weights_beyond_half_precision(self) -> None:
        """They multiply in f32, and what is stored in f16 is widened on the way."""

        def make(net: Net) -> Value:
            weights = net.const(np.full((8, 4, 1, 1), 1e5, np.float32))
            return net.add(Conv, net.add(Relu, joined(net)), weights)

        assert fused(make, policy=FP16) == ["loop: concat", "contraction: relu conv"]

    def test_a_value_for_each_row_may_be_computed(self) -> None:
        def make(net: Net) -> Value:
            x, variance = net.input("x", 2, 4, 8), net.input("v", 2, 4, 1)
            deviation = net.add(Sqrt, net.add(Add, variance, net.const(np.float32(1.0))))
            return product(net, net.add(Mul, net.add(Div, x, deviation), net.weights(8)))

        assert fused(make) == ["contraction: add sqrt div mul matmul"]

    def test_a_value_for_each_image(self) -> None:
        def make(net: Net) -> Value:
            return net.conv(net.add(Mul, joined(net), net.input("s", 1, 1, 1, 1)), 8)

        assert fused(make) == ["loop: concat", "contraction: mul conv"]


class TestGather:
    def test_rows_of_a_table(self) -> None:
        def make(net: Net) -> Value:
            return net.linear(net.add(Gather, table(net), net.input("i", 3, 4, dtype=I64), axis=0), 3)

        assert fused(make) == ["contraction: gather matmul add"]

    def test_rows_along_an_inner_axis(self) -> None:
        def make(net: Net) -> Value:
            x, rows = net.input("x", 2, 5, 8), net.input("i", 3, dtype=I64)
            return product(net, net.add(Gather, x, rows, axis=1))

        assert fused(make) == ["contraction: gather matmul"]

    def test_indices_and_elements_are_computed(self) -> None:
        def make(net: Net) -> Value:
            rows = net.add(Cast, net.input("i", 3, dtype=I32), to=I64)
            coded = net.const(np.arange(40, dtype=np.int8).reshape(5, 8))
            wide = net.add(Cast, net.add(Gather, coded, rows, axis=0), to=F32)
            return product(net, net.add(Mul, wide, net.weights(8)))

        assert fused(make) == ["contraction: cast gather cast mul matmul"]

    def test_as_many_columns_as_one_likes(self) -> None:
        """Nothing is computed anew when rows are read that lie elsewhere."""

        def make(net: Net) -> Value:
            return product(net, net.add(Gather, table(net), net.input("i", 3, dtype=I64)), 4096)

        assert fused(make) == ["contraction: gather matmul"]


class TestPrologueRefusals:
    """What no designed kernel can do, or not at a profit, stays outside."""

    def reason(self, make: Any, **switches: Any) -> str:
        net = Net()
        module = net.done(make(net, joined(net)))
        context = fuse(module, **switches)
        assert kernels(module)[-1] == "contraction: conv"
        (found,) = [r.reason for r in context.ledger if r.rule == RULE]
        return found

    def test_two_tensors(self) -> None:
        def make(net: Net, x: Value) -> Value:
            return net.conv(net.add(Add, x, net.input("other", 1, 4, 6, 6)), 8)

        assert self.reason(make) == "a prologue reads one tensor of the operand's shape"

    def test_a_value_of_every_position(self) -> None:
        def make(net: Net, x: Value) -> Value:
            return net.conv(net.add(Add, x, net.weights(6, 6)), 8)

        assert self.reason(make) == "it reads a value of every position"

    def test_depthwise(self) -> None:
        def make(net: Net, x: Value) -> Value:
            return net.conv(net.add(Relu, x), 4, groups=4)

        assert self.reason(make) == "depthwise kernels read their input as it is"

    def test_transcendental_work(self) -> None:
        def make(net: Net, x: Value) -> Value:
            return net.conv(net.add(Sigmoid, x), 8)

        assert self.reason(make) == "it is too much work to be done while loading"

    def test_many_tiles(self) -> None:
        def make(net: Net, x: Value) -> Value:
            return net.conv(net.add(Relu, x), 512)

        assert self.reason(make) == "it would be computed 36 times over"

    def test_the_image_is_laid_out_anyway(self) -> None:
        net = Net()
        module = net.done(net.conv(net.add(Relu, image(net)), 4))
        context = fuse(module)
        assert kernels(module) == ["loop: relu", "contraction: conv"]
        assert "an input of the model is laid out by a kernel anyway" in {r.reason for r in context.ledger}

    def test_an_input_that_is_padded(self) -> None:
        def make(net: Net) -> Value:
            x = net.add(Relu, net.add(Relu, net.input("x", 1, 3, 6, 6)))
            return net.conv(x, 8)

        assert refusals(make, policy=FP16) == {"the input gets channels that fill its words"}


def refusals(make: Make, **switches: Any) -> set[str]:
    """Why the net that MAKE builds has no prologue, or not all of one."""
    net = Net()
    module = net.done(make(net))
    context = fuse(module, **switches)
    return {r.reason for r in context.ledger if r.rule == RULE and r.verdict is Verdict.REFUSED}


def several(net: Net) -> Value:
    return product(net, net.add(Mul, net.input("x", 2, 4, 8), net.input("z", 4, 8)))


def along_the_sum(net: Net) -> Value:
    return product(net, net.add(Gather, net.input("x", 4, 8), net.input("i", 6, dtype=I64), axis=1))


def transposed_rows(net: Net) -> Value:
    rows = net.add(Gather, table(net), net.input("i", 4, dtype=I64))
    return product(net, rows, transpose_a=True)


def gathered_images(net: Net) -> Value:
    return net.conv(net.add(Gather, joined(net), net.input("i", 2, dtype=I64)), 8)


def two_tables(net: Net) -> Value:
    words = net.add(Gather, table(net), net.input("i", 4, dtype=I64))
    return product(net, net.add(Add, words, net.add(Gather, table(net), net.input("j", 4, dtype=I64))))


def repeated_row(net: Net) -> Value:
    row = net.add(Gather, table(net), net.input("i", 1, dtype=I64))
    return product(net, net.add(Mul, net.input("x", 4, 8), row))


def computed_table(net: Net) -> Value:
    rows = net.input("i", 4, dtype=I64)
    return product(net, net.add(Gather, net.add(Relu, net.input("x", 5, 8)), rows))


def gathered_indices(net: Net) -> Value:
    order = net.add(Gather, net.input("o", 9, dtype=I64), net.input("i", 4, dtype=I64))
    return product(net, net.add(Gather, table(net), order))


def computed_scale(net: Net) -> Value:
    return product(net, net.add(Mul, net.input("x", 4, 8), net.add(Exp, net.input("s", 8))))


def constant_operand(net: Net) -> Value:
    return net.add(Matmul, net.add(Relu, net.weights(4, 8)), net.input("w", 8, 3))


def integers(net: Net) -> Value:
    wide = net.add(Cast, net.input("x", 4, 8, dtype=I8), to=I32)
    return net.add(Matmul, wide, net.input("w", 8, 3, dtype=I32))


def second_operand(net: Net) -> Value:
    return net.add(Matmul, net.input("x", 4, 8), net.add(Relu, net.input("w", 8, 3)))


def read_behind(net: Net) -> Value:
    x = net.add(Relu, net.input("x", 4, 8))
    return net.add(Add, product(net, x, 8), x)


def often_and_wide(net: Net) -> Value:
    return product(net, net.add(Relu, net.input("x", 4096, 256)), 1536)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (several, "it reads a value that varies along rows and the summed axis"),
        (along_the_sum, "it gathers along the summed axis"),
        (transposed_rows, "only the rows of a matrix product's first operand may be gathered"),
        (gathered_images, "only the rows of a matrix product's first operand may be gathered"),
        (two_tables, "a prologue reads one tensor of the operand's shape"),
        (repeated_row, "it has another shape than the operand"),
        (computed_table, "a gather in a prologue reads its table from memory"),
        (gathered_indices, "graph.gather is not elementwise"),
        (computed_scale, "it has another shape than the operand"),
        (constant_operand, "the tensor it reads is a constant"),
        (integers, "no designed kernel multiplies i32 with a prologue"),
        (second_operand, "only the first operand of a contraction may be computed on the way"),
        (read_behind, "it is also read after the contraction"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_kernels_cannot_do_is_refused_with_a_reason(make: Make, reason: str) -> None:
    assert reason in refusals(make)


def test_a_wide_type_is_not_read_by_many_columns_of_tiles() -> None:
    want = "f32 would be read 12 times over: converting it to f16 once is cheaper"
    assert want in refusals(often_and_wide, policy=FP16)
    assert refusals(often_and_wide) == set()
