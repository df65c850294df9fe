"""Planning concats and slices of many operands: the right decisions, in time that grows with their number."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.request.request import Candidate
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.kernels.choice import KernelChooser
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel
from glassrt.errors import UnsupportedError
from glassrt.testing.net import Net

FEW, MANY = 100, 400
STEEPEST = 12.0  # times longer for four times the operands, with noise; quadratic would be 16


def contractions(count: int) -> Module:
    """Products of inputs of their own, side by side."""
    net = Net()
    parts = [net.linear(net.input(f"x{i}", 8, 16), 8) for i in range(count)]
    return net.done(net.add(Softmax, net.add(Concat, *parts, axis=1), axis=1))


def siblings(count: int) -> Module:
    """Convolutions of one input, which are joined, side by side in another order."""
    net = Net()
    x = net.input("x", 1, 16, 4, 4)
    parts = [net.conv(x, 8, 3) for _ in range(count)]
    return net.done(net.add(Softmax, net.add(Concat, *reversed(parts), axis=1), axis=1))


def mixed(count: int) -> Module:
    """A convolution that is cut apart, and its parts side by side in another order."""
    net = Net()
    x = net.conv(net.input("x", 1, 16, 4, 4), 8 * count, 3)
    parts = [net.add(Slice, x, starts=[0, 8 * i, 0, 0], sizes=[1, 8, 4, 4]) for i in range(count)]
    return net.done(net.add(Softmax, net.add(Concat, *reversed(parts), axis=1), axis=1))


def rows(count: int) -> Module:
    """Rows side by side."""
    net = Net()
    parts = [net.add(Softmax, net.input(f"x{i}", 8, 16), axis=1) for i in range(count)]
    return net.done(net.linear(net.add(Concat, *parts, axis=1), 3))


def misfits(count: int) -> Module:
    """Slices that one kernel reads, and each a depthwise convolution too, which takes only aligned ones."""
    net = Net()
    x = net.conv(net.input("x", 1, 16, 4, 4), 9 * count, 1)
    parts = [net.add(Slice, x, starts=[0, 9 * i, 0, 0], sizes=[1, 8, 4, 4]) for i in range(count)]
    joined = net.add(Relu, net.add(Concat, *reversed(parts), axis=1))
    return net.done(joined, *(net.conv(part, 8, 3, groups=8) for part in parts))


NETS: dict[str, Callable[[int], Module]] = {
    "contractions": contractions,
    "siblings": siblings,
    "mixed": mixed,
    "rows": rows,
}


def planned(module: Module) -> tuple[Module, PassContext, float]:
    """MODULE at the launch level, with the ledger and the processor seconds from the precision level."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"), disabled=frozenset({"group-launches"}))
    module = PassManager(passes_through("precision", REFERENCE), context).run(module)
    gc.collect()
    begin = time.process_time()
    module = PassManager(passes_to("launch", REFERENCE), context).run(module)
    return module, context, time.process_time() - begin


IN_PLACE = "every consumer reads the slice as a view of the operand"


@pytest.mark.parametrize("name", NETS)
def test_time_grows_with_the_number_of_operands(name: str) -> None:
    few = planned(NETS[name](FEW))[2]
    many = planned(NETS[name](MANY))[2]
    assert many / few < STEEPEST


def verdicts(module: Module, rule: str) -> tuple[list[tuple[str, str]], int]:
    """What the ledger says of RULE on a net, and the number of its launches."""
    module, context, _ = planned(module)
    found = [(str(record.verdict), record.reason) for record in context.ledger if record.rule == rule]
    return found, sum(isinstance(op, Kernel) for op in module.main.block)


def test_a_wide_concat_is_decided_in_one() -> None:
    found, launches = verdicts(contractions(FEW), "elide-concat")
    assert found == [("taken", "each operand is written into its part of the result")]
    assert launches == FEW + 1  # a product for each input, which it converts itself


def test_a_wide_concat_of_rows_is_decided_in_one() -> None:
    found, launches = verdicts(rows(FEW), "elide-concat")
    assert found == [("taken", "each operand is written into its part of the result")]
    assert launches == FEW + 1


def test_slices_that_one_kernel_reads_are_all_views() -> None:
    found, launches = verdicts(mixed(FEW), "view-slice")
    assert set(found) == {("taken", IN_PLACE)}
    assert launches == 4  # a conversion, the convolution, the concat and the softmax


def test_siblings_lie_as_a_wide_concat_wants_them() -> None:
    assert verdicts(siblings(FEW), "elide-concat") == ([], 3)


MOST = 10


@pytest.mark.parametrize("count", [16, 24, 64])
def test_slices_that_a_kernel_does_not_take_leave_the_others_be(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Convolutions that take whole vectors only, and no kernel that takes more than MOST strided tensors."""
    forecast = KernelChooser.forecast

    def picky(
        self: KernelChooser,
        region: Block,
        reads: Sequence[TensorType],
        writes: Sequence[TensorType],
        weights: Sequence[bool],
    ) -> Candidate:
        strided = [type for type in reads if not type.layout.is_dense]
        convolution = any(op.name == "graph.conv" for op in region)
        if len(strided) > MOST or (convolution and any(type.layout.offset != 0 for type in strided)):
            raise UnsupportedError("no family for this kernel")
        return forecast(self, region, reads, writes, weights)

    monkeypatch.setattr(KernelChooser, "forecast", picky)
    found, _ = verdicts(misfits(count), "view-slice")
    aligned = sum(9 * i % 8 == 0 for i in range(count))
    taken = found.count(("taken", IN_PLACE))
    assert len(found) == count and all("strided" in reason for verdict, reason in found if verdict != "taken")
    assert taken == min(aligned, MOST) if count < 64 else 0 < taken <= MOST
