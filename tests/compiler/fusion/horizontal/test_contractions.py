"""horizontal-contraction: which contractions of one input become one, and what the ledger says."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import LeakyRelu, Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Clip
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .sibling_nets import joined, ops, pooled, siblings


class TestConvolutions:
    def test_three_convolutions_with_bias_and_relu_become_one(self) -> None:
        net, ends = siblings(24, 8, 16)
        module = net.done(*(pooled(net, net.add(Relu, end)) for end in ends))
        (record,) = joined(module)
        assert ops(module)[:6] == ["conv", "add", "relu", "slice", "slice", "slice"]
        assert record.verdict is Verdict.TAKEN
        assert record.nodes == ("conv0", "conv2", "conv4")
        assert record.figures["launches_saved"] == 2
        assert record.figures["bytes_saved"] == 2 * 16 * 36 * 2
        assert record.figures["slice_alignment_elements"] == 8

    def test_constants_of_one_element_stay_so_and_others_are_joined(self) -> None:
        net, ends = siblings(8, 8)
        low, high = net.const(np.float32(-0.5)), net.const(np.float32(0.5))
        half = net.const(np.float32(0.5))
        scaled = [net.add(Mul, net.add(Clip, end, low, high), half) for end in ends]
        varied = [
            net.add(Mul, end, net.weights(*shape))
            for end, shape in zip(scaled, [(8, 1, 1), (1,)], strict=True)
        ]
        module = net.done(*(pooled(net, end) for end in varied))
        joined(module)
        assert ops(module)[:6] == ["conv", "add", "clip", "mul", "mul", "slice"]

    def test_bounds_that_differ_end_the_common_work(self) -> None:
        net, ends = siblings(64, 64)
        clipped = [
            net.add(Clip, end, net.const(np.float32(low))) for end, low in zip(ends, (0, -1), strict=True)
        ]
        module = net.done(*(pooled(net, end) for end in clipped))
        (record,) = joined(module)
        assert record.verdict is Verdict.REFUSED
        assert "2 of them with an extra kernel for the epilogue" in record.reason

    def test_relus_of_some_become_a_bound_per_channel(self) -> None:
        net, (a, b) = siblings(8, 32)
        module = net.done(pooled(net, net.add(Relu, a)), pooled(net, b))
        (record,) = joined(module)
        assert record.verdict is Verdict.TAKEN
        assert ops(module)[:5] == ["conv", "add", "max", "slice", "slice"]

    def test_a_shortcut_is_joined_with_the_branch_beside_it(self) -> None:
        net = Net()
        x = net.add(Relu, net.input("x", 1, 16, 6, 6))
        branch = net.add(Relu, net.bias(net.conv(x, 8, 1)))
        branch = net.bias(net.conv(net.add(Relu, net.bias(net.conv(branch, 8, 3))), 32, 1))
        module = net.done(net.add(Relu, net.add(Add, branch, net.bias(net.conv(x, 32, 1)))))
        assert [record.verdict for record in joined(module)] == [Verdict.TAKEN]
        assert ops(module).count("conv") == 3

    def test_those_that_go_on_alike_are_joined_when_all_of_them_cannot(self) -> None:
        net, ends = siblings(8, 8, 8, 8)
        kinds = (Sigmoid, Sigmoid, Tanh, Tanh)
        module = net.done(*(pooled(net, net.add(kind, end)) for kind, end in zip(kinds, ends, strict=True)))
        records = joined(module)
        assert [record.verdict for record in records] == [Verdict.TAKEN, Verdict.TAKEN, Verdict.REFUSED]
        assert ops(module).count("conv") == 2

    def test_the_channels_that_a_concat_wants_stand_at_its_edge(self) -> None:
        for place in ("first", "last"):
            net, (a, b, c) = siblings(8, 16, 24)
            other = net.conv(b, 8)
            parts = [a, other] if place == "first" else [other, a]
            module = net.done(pooled(net, net.add(Concat, *parts, axis=1)), pooled(net, c))
            joined(module)
            sizes = [op.sizes[1] for op in module.main.block if isinstance(op, Slice)]
            assert sizes == ([16, 24, 8] if place == "first" else [8, 16, 24])

    def test_slices_made_on_the_way_may_have_siblings_of_their_own(self) -> None:
        net, (a, b) = siblings(8, 16)
        module = net.done(pooled(net, a), *(pooled(net, net.conv(b, 8)) for _ in range(2)))
        assert [record.verdict for record in joined(module)] == [Verdict.TAKEN] * 2
        assert ops(module).count("conv") == 2


class TestProducts:
    @pytest.mark.parametrize("transposed", [False, True])
    def test_queries_keys_and_values_become_one_product(self, transposed: bool) -> None:
        net = Net()
        batch = net.symbol("N", 1, 2, 4)
        x = net.input("x", batch, 6, 16)
        heads = []
        for columns in (16, 16, 32):
            shape = (columns, 16) if transposed else (16, columns)
            product = net.add(Matmul, x, net.weights(*shape, scale=0.25), transpose_b=transposed)
            biased = net.add(Add, product, net.weights(columns))
            split = net.add(Reshape, biased, shape=[batch, 6, 2, columns // 2])
            heads.append(net.add(Transpose, split, perm=[0, 2, 1, 3]))
        module = net.done(*heads)
        (record,) = joined(module)
        assert record.verdict is Verdict.TAKEN
        assert ops(module)[:5] == ["matmul", "add", "slice", "slice", "slice"]


# ---------------------------------------------------------------- random nets


@st.composite
def sibling_nets(draw: DrawFn) -> Module:
    """Convolutions or products of one input, alike and not, with work after them and a concat."""
    net = Net(seed=draw(st.integers(0, 9)))
    images = draw(st.booleans())
    batch = net.symbol("N", 1, 2, 3) if draw(st.booleans()) else 2
    x = net.input("x", batch, 8, 5, 4) if images else net.input("x", batch, 3, 8)
    ends = []
    for _ in range(draw(st.integers(2, 4))):
        count = draw(st.sampled_from([8, 8, 16, 12]))
        end = net.conv(x, count, draw(st.sampled_from([1, 1, 3]))) if images else None
        end = end if end is not None else net.add(Matmul, x, net.weights(8, count, scale=0.3))
        shape = (count, 1, 1) if images else (count,)
        for step in draw(
            st.sampled_from([[], ["bias"], ["bias", "relu"], ["bias", "relu"], ["slope", "scalar"]])
        ):
            end = _step(net, end, step, shape)
        ends.append(end)
        if draw(st.integers(0, 3)) == 0:
            ends.append(net.add(Sigmoid, end))
    axis = 1 if images else 2
    if draw(st.booleans()):
        ends.append(net.add(Concat, *draw(st.permutations(ends))[:3], axis=axis))
    return net.done(*(_read(net, end) if draw(st.integers(0, 3)) else end for end in ends[-4:]))


def _read(net: Net, value: Value) -> Value:
    """A kernel of its own that reads VALUE."""
    if value.type.rank == 4:
        return pooled(net, value)
    return net.add(Transpose, value, perm=[1, 0, 2])


def _step(net: Net, value: Value, step: str, shape: tuple[int, ...]) -> Value:
    match step:
        case "bias":
            return net.add(Add, value, net.weights(*shape))
        case "relu":
            return net.add(Relu, value)
        case "slope":
            return net.add(LeakyRelu, value, alpha=0.25)
    return net.add(Mul, value, net.const(np.float32(1.5)))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@given(module=sibling_nets())
@settings(deadline=None)
def test_every_pass_keeps_the_meaning_of_sibling_nets(precision: str, module: Module) -> None:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    passes = passes_through("precision", REFERENCE)
    PassManager(passes, context, verify_each="semantics").run(module)


@given(module=sibling_nets())
@settings(deadline=None)
def test_joining_is_idempotent(module: Module) -> None:
    joined(module)
    before = ops(module)
    assert not [record for record in joined(module) if record.verdict is Verdict.TAKEN]
    assert ops(module) == before
