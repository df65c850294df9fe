"""graph → fused: what becomes one kernel, what does not, and what the ledger says about it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.fused import Kernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Div, Mul, Sub
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement import Concat, Expand, Reshape, Slice, Transpose
from glassrt.dialects.graph.normalization import Lrn, Softmax
from glassrt.dialects.graph.reduction import Cumsum, Reduce
from glassrt.dialects.graph.unary import Exp, Neg, Sigmoid, Sqrt
from glassrt.dialects.graph.window import MaxPool

from ...property.graphs import Net
from ..fusing import fuse, image, kernels


class TestContractions:
    def test_bias_scale_activation_and_residual_become_the_epilogue(self) -> None:
        net = Net()
        x = image(net)
        y = net.add(Mul, net.bias(net.conv(x, 4)), net.weights(4, 1, 1))
        module = net.done(net.add(Relu, net.add(Add, x, y)))
        fuse(module)
        assert kernels(module) == ["contraction: conv add mul add relu"]

    def test_a_diamond_is_taken_whole(self) -> None:
        net = Net()
        y = net.conv(image(net), 4)
        module = net.done(net.add(Relu, net.add(Mul, y, net.add(Sigmoid, y))))
        fuse(module)
        assert kernels(module) == ["contraction: conv sigmoid mul relu"]

    def test_a_value_read_elsewhere_ends_the_kernel(self) -> None:
        net = Net()
        y = net.add(Relu, net.conv(image(net), 4))
        module = net.done(net.add(Add, y, net.conv(y, 4)))
        context = fuse(module)
        assert kernels(module) == ["contraction: conv relu", "contraction: conv add"]
        refused = [r.reason for r in context.ledger if r.nodes == ("relu1", "conv2")]
        assert refused == ["it leads a kernel of its own or belongs to one"]

    def test_an_output_ends_the_kernel(self) -> None:
        net = Net()
        y = net.bias(net.conv(image(net), 4))
        module = net.done(y, net.add(Relu, y))
        fuse(module)
        assert kernels(module) == ["contraction: conv add", "loop: relu"]

    def test_a_half_open_diamond_ends_before_it(self) -> None:
        net = Net()
        y = net.bias(net.conv(image(net), 4))
        gate = net.add(Sigmoid, y)
        module = net.done(net.add(Add, gate, net.add(MaxPool, y, kernel=[1, 1])))
        context = fuse(module)
        assert kernels(module) == ["contraction: conv add", "loop: sigmoid max_pool add"]
        refused = [r for r in context.ledger if r.verdict is Verdict.REFUSED]
        assert [(r.rule, r.ops[1]) for r in refused][:2] == [
            ("contraction-epilogue", "graph.sigmoid"),
            ("contraction-epilogue", "graph.max_pool"),
        ]

    def test_of_two_summands_the_later_takes_the_sum(self) -> None:
        net = Net()
        x = image(net)
        module = net.done(net.add(Relu, net.add(Add, net.bias(net.conv(x, 4)), net.bias(net.conv(x, 4)))))
        fuse(module)
        assert kernels(module) == ["contraction: conv add", "contraction: conv add add relu"]

    def test_broadcast_operands_join_but_the_result_must_not_grow(self) -> None:
        net = Net()
        gate = net.input("g", 1, 4, 1, 1)
        module = net.done(net.add(Mul, net.conv(image(net), 4), gate))
        fuse(module)
        assert kernels(module) == ["contraction: conv mul"]
        net = Net()
        wide = net.input("w", 3, 4, 6, 6)
        module = net.done(net.add(Mul, net.conv(image(net), 4), wide))
        fuse(module)
        assert kernels(module) == ["contraction: conv", "loop: mul"]


class TestRows:
    def test_softmax_with_its_neighbours(self) -> None:
        net = Net()
        x = net.input("x", 4, 16)
        scaled = net.add(Mul, x, net.const(np.float32(0.125)))
        module = net.done(net.add(Mul, net.add(Softmax, scaled, axis=1), net.input("m", 4, 16)))
        fuse(module)
        assert kernels(module) == ["row: mul softmax mul"]

    def test_layer_norm_spelled_out_is_one_kernel(self) -> None:
        net = Net()
        x = net.input("x", 4, 16)
        centered = net.add(Sub, x, net.add(Reduce, x, kind="mean", axes=[1]))
        variance = net.add(Reduce, net.add(Mul, centered, centered), kind="mean", axes=[1])
        deviation = net.add(Sqrt, net.add(Add, variance, net.const(np.float32(1e-5))))
        normal = net.add(Div, centered, deviation)
        module = net.done(net.add(Add, net.add(Mul, normal, net.weights(16)), net.weights(16)))
        fuse(module)
        assert kernels(module) == ["row: reduce sub mul reduce add sqrt div mul add"]

    @pytest.mark.parametrize("length", [1 << 10, 1 << 20])
    def test_few_long_rows_are_left_to_several_blocks(self, length: int) -> None:
        """Then the deviations from the mean are another kernel, which also takes them before it adds up."""
        net = Net()
        x = net.input("x", 4, length)
        mean = net.add(Reduce, net.add(Relu, x), kind="mean", axes=[1])
        off = net.add(Sub, x, net.add(Neg, mean))
        variance = net.add(Reduce, net.add(Mul, off, off), kind="mean", axes=[1])
        module = net.done(net.add(Sqrt, variance))
        context = fuse(module)
        if length == 1 << 10:
            assert kernels(module) == ["row: relu reduce neg sub mul reduce sqrt"]
        else:
            assert kernels(module) == ["row: relu reduce neg", "row: sub mul reduce sqrt"]
            assert any("several blocks share" in record.reason for record in context.ledger)

    def test_other_axes_are_another_kernel(self) -> None:
        net = Net()
        x = net.input("x", 4, 16)
        rows = net.add(Softmax, x, axis=1)
        module = net.done(net.add(Softmax, rows, axis=0))
        context = fuse(module)
        assert kernels(module) == ["row: softmax", "row: softmax"]
        assert "it reduces other axes" in {r.reason for r in context.ledger}

    def test_elementwise_work_on_the_reduced_shape_joins(self) -> None:
        for keep in (True, False):
            net = Net()
            mean = net.add(Reduce, image(net), kind="mean", axes=[2, 3], keepdims=keep)
            module = net.done(net.add(Sigmoid, mean))
            fuse(module)
            assert kernels(module) == ["row: reduce sigmoid"]

    def test_a_row_value_without_its_axis_does_not_broadcast_back(self) -> None:
        net = Net()
        x = net.input("x", 4, 4)
        module = net.done(net.add(Sub, x, net.add(Reduce, x, kind="mean", axes=[1], keepdims=False)))
        fuse(module)
        assert kernels(module) == ["row: reduce", "loop: sub"]


class TestLoops:
    def test_chains_trees_and_diamonds(self) -> None:
        net = Net()
        x, z = net.input("x", 4, 5), net.input("z", 5)
        a = net.add(Exp, x)
        module = net.done(net.add(Add, net.add(Mul, a, net.add(Sigmoid, a)), net.add(Relu, z)))
        fuse(module)
        assert kernels(module) == ["loop: exp sigmoid mul relu add"]

    def test_movement_joins_its_neighbours(self) -> None:
        net = Net()
        x, z = net.input("x", 4, 6), net.input("z", 6, 2)
        left = net.add(Relu, net.add(Transpose, x, perm=[1, 0]))
        both = net.add(Concat, left, net.add(Exp, z), axis=1)
        module = net.done(net.add(Sigmoid, net.add(Slice, both, starts=[1, 0], sizes=[5, 6])))
        fuse(module)
        assert kernels(module) == ["loop: transpose relu exp concat slice sigmoid"]

    def test_a_gathered_table_is_read_where_it_is_wanted(self) -> None:
        net = Net()
        rows = net.add(Gather, net.weights(10, 4), net.input("i", 3, dtype=I64), axis=0)
        module = net.done(net.add(Add, rows, net.weights(4)))
        fuse(module)
        assert kernels(module) == ["loop: gather add"]

    def test_expensive_work_is_not_repeated_for_a_broadcast(self) -> None:
        net = Net()
        small = net.input("z", 8)
        module = net.done(net.add(Add, net.input("x", 64, 8), net.add(Exp, small)))
        context = fuse(module)
        assert kernels(module) == ["loop: exp", "loop: add"]
        assert "it would be computed 64 times over" in {r.reason for r in context.ledger}

    def test_repeated_reads_do_not_blow_up(self) -> None:
        net = Net()
        value = net.input("x", 6, 6)
        for _ in range(20):
            value = net.add(Add, value, net.add(Transpose, value, perm=[1, 0]))
        module = net.done(value)
        fuse(module)
        statements = [len(op.body.block) for op in module.main.block if isinstance(op, Kernel)]
        assert len(statements) > 5
        assert max(statements) <= 12

    def test_windows_take_consumers_and_refuse_expensive_producers(self) -> None:
        net = Net()
        y = net.add(MaxPool, net.add(Exp, image(net)), kernel=[3, 3])
        module = net.done(net.add(Relu, y))
        fuse(module)
        assert kernels(module) == ["loop: exp", "loop: max_pool relu"]
        net = Net()
        module = net.done(net.add(Mul, net.add(Lrn, image(net), size=3), net.const(np.float32(2))))
        fuse(module)
        assert kernels(module) == ["loop: lrn mul"]

    def test_running_sums_stand_alone(self) -> None:
        net = Net()
        module = net.done(net.add(Relu, net.add(Cumsum, net.add(Exp, net.input("x", 8)), axis=0)))
        fuse(module)
        assert kernels(module) == ["loop: exp", "loop: cumsum", "loop: relu"]

    def test_a_kernel_has_a_limit_of_ops(self) -> None:
        net = Net()
        value = net.input("x", 4)
        for _ in range(20):
            value = net.add(Sigmoid, value)
        module = net.done(value)
        context = fuse(module, options=Options(kernel_ops=8))
        assert [len(line.split()) - 1 for line in kernels(module)] == [4, 8, 8]
        assert "the kernel already has 8 ops" in {r.reason for r in context.ledger}

    def test_a_full_kernel_ends_where_a_single_value_enters_it(self) -> None:
        net = Net()
        value = net.input("x", 4, 5)
        for _ in range(20):
            value = net.add(Add, value, net.add(Sigmoid, value))
        module = net.done(value)
        fuse(module, options=Options(kernel_ops=9))
        assert [len(line.split()) - 1 for line in kernels(module)] == [8] * 5

    def test_a_full_window_kernel_ends_there_as_well(self) -> None:
        net = Net()
        value = image(net)
        for _ in range(10):
            value = net.add(Add, value, net.add(Relu, value))
        module = net.done(net.add(MaxPool, value, kernel=[1, 1]))
        fuse(module, options=Options(kernel_ops=8))
        assert [len(line.split()) - 1 for line in kernels(module)] == [6, 8, 7]


class TestViews:
    def test_reshapes_between_kernels_are_views(self) -> None:
        net = Net()
        pooled = net.add(MaxPool, image(net), kernel=[2, 2])
        flat = net.add(Reshape, pooled, shape=[1, pooled.type.elements])
        module = net.done(net.linear(flat, 3))
        fuse(module)
        assert kernels(module) == ["loop: max_pool", "view", "contraction: matmul add"]

    def test_reshapes_at_the_edges_of_a_loop_are_views(self) -> None:
        net = Net()
        flat = net.add(Reshape, net.input("x", 4, 6), shape=[24])
        module = net.done(net.add(Reshape, net.add(Exp, flat), shape=[2, 12]))
        fuse(module)
        assert kernels(module) == ["view", "loop: exp", "view"]

    def test_a_channel_shuffle_is_where_the_convolution_stores_its_results(self) -> None:
        net = Net()
        y = net.conv(image(net), 4)
        split = net.add(Transpose, net.add(Reshape, y, shape=[1, 2, 2, 6, 6]), perm=[0, 2, 1, 3, 4])
        module = net.done(net.conv(net.add(Reshape, split, shape=[1, 4, 6, 6]), 4))
        fuse(module)
        shuffled = "contraction: conv reshape transpose reshape"
        assert kernels(module) == [shuffled, "contraction: conv"]

    def test_heads_of_attention_are_views_around_transposes(self) -> None:
        net = Net()
        x = net.linear(net.input("x", 2, 8, 16), 16)
        heads = net.add(Transpose, net.add(Reshape, x, shape=[2, 8, 4, 4]), perm=[0, 2, 1, 3])
        scores = net.add(Matmul, heads, net.input("k", 2, 4, 4, 8))
        module = net.done(scores)
        fuse(module)
        project, product = "contraction: matmul add", "contraction: matmul"
        assert kernels(module) == [project, "view", "loop: transpose", product]


class TestOutputs:
    def test_every_output_has_memory_of_its_own(self) -> None:
        net = Net()
        x = net.input("x", 2, 3)
        y = net.add(Relu, x)
        module = net.done(x, y, y, net.add(Reshape, y, shape=[6]), net.weights(3))
        fuse(module)
        assert kernels(module) == ["loop: relu", "view", *["loop: cast"] * 4]

    def test_constants_of_one_element_live_in_the_region(self) -> None:
        net = Net()
        x = net.input("x", 2, 3)
        module = net.done(net.add(Mul, net.add(Add, x, net.const(np.float32(2))), net.weights(3)))
        fuse(module)
        kernel = next(op for op in module.main.block if isinstance(op, Kernel))
        assert len(kernel.inputs) == 2
        assert next(op.name for op in kernel.body.block) == "graph.constant"


class TestSwitches:
    @pytest.mark.parametrize(
        ("rule", "want"),
        [
            ("contraction-epilogue", ["contraction: conv", "loop: add relu", "row: mul softmax mul"]),
            ("row-consumer", ["contraction: conv add relu", "row: mul softmax", "loop: mul"]),
            ("row-producer", ["contraction: conv add relu", "loop: mul", "row: softmax mul"]),
        ],
    )
    def test_rules_can_be_switched_off(self, rule: str, want: list[str]) -> None:
        net = Net()
        y = net.add(Relu, net.bias(net.conv(image(net), 4)))
        branch = net.add(Softmax, net.add(Mul, net.input("z", 4, 4), net.const(np.float32(3))), axis=1)
        module = net.done(y, net.add(Mul, branch, branch))
        context = fuse(module, disabled=frozenset({rule}))
        assert kernels(module) == want
        assert any(r.rule == rule and r.verdict is Verdict.DISABLED for r in context.ledger)

    def test_a_single_edge_can_be_switched_off(self) -> None:
        net = Net()
        module = net.done(net.add(Sigmoid, net.add(Relu, net.bias(net.conv(image(net), 4)))))
        context = fuse(module, barriers=frozenset({("relu2", "sigmoid3")}))
        assert kernels(module) == ["contraction: conv add relu", "loop: sigmoid"]
        (record,) = context.ledger.about("relu2", "sigmoid3")[:1]
        assert record.verdict is Verdict.DISABLED
        assert record.reason == "fusing relu2 with sigmoid3 is switched off"

    def test_the_ledger_has_nodes_and_reasons(self) -> None:
        net = Net()
        module = net.done(net.add(Cast, net.add(Relu, net.conv(image(net), 4)), to=F32))
        context = fuse(module)
        assert next(r.to_json() for r in context.ledger) == {
            "rule": "contraction-epilogue",
            "ops": ["graph.conv", "graph.relu"],
            "nodes": ["conv0", "relu1"],
            "verdict": "taken",
            "reason": "computed on the accumulator before it is stored",
            "figures": {"bytes_saved": 2 * 4 * 4 * 36, "launches_saved": 1},
            "split": 1,
        }


def test_an_expanded_scalar_is_free() -> None:
    net = Net()
    mean = net.add(Reduce, net.input("x", 4, 5), kind="mean", axes=[1])
    module = net.done(net.add(Expand, mean, shape=[4, 5]))
    fuse(module)
    assert kernels(module) == ["row: reduce", "loop: expand"]
