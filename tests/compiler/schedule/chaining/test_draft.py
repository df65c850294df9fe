"""Two launches as one: which may be, and what it computes."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.schedule.chaining.draft import drafted
from glassrt.compiler.schedule.chaining.record import CHAIN_CONTRACTIONS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.dialects.launch_memory import View
from glassrt.testing.net import Net


def launches(module: Module, precision: str = "fp16") -> list[Kernel]:
    off = frozenset({CHAIN_CONTRACTIONS})
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), disabled=off)
    launched = PassManager(passes_through("launch", REFERENCE), context).run(module)
    return list(kernels_in(launched.main.block))


def pointwise(*channels: int) -> list[Kernel]:
    """The launches of convolutions behind each other, without what converts their input and result."""
    net = Net()
    value = net.input("x", 2, 64, 6, 6)
    for count in channels:
        value = net.add(Relu, net.bias(net.conv(value, count, 1)))
    return launches(net.done(value))[1 : 1 + len(channels)]


def test_all_buffers_but_the_one_between_are_read() -> None:
    first, second, third = pointwise(128, 64, 32)
    draft = drafted(first, second)
    assert draft is not None and draft.middle is first.writes[0]
    assert draft.middle not in draft.reads and draft.writes == [draft.middle, second.writes[0]]
    assert len(draft.reads) == len(first.reads) + len(second.reads) - 1
    region = draft.region
    assert [argument.type for argument in region.arguments] == [value.type for value in draft.reads]
    ops = [op for body in (first, second) for op in body.body.block if op.next is not None]
    assert [op.name for op in region if op.next is not None] == [op.name for op in ops]
    assert drafted(second, first) is None and drafted(first, third) is None and drafted(first, first) is None


def test_what_is_no_contraction_is_not_chained() -> None:
    net = Net()
    value = net.add(Softmax, net.conv(net.input("x", 2, 64, 6, 6), 64, 1), axis=1)
    found = launches(net.done(net.add(Relu, net.conv(value, 32, 1))))
    assert not any(drafted(one, other) for one in found for other in found)


def test_the_result_between_is_the_first_operand_and_nothing_else() -> None:
    net = Net()
    first = net.add(Relu, net.conv(net.input("x", 2, 64, 6, 6), 64, 1))
    found = launches(net.done(net.add(Relu, net.add(Add, net.conv(first, 64, 1), first))))
    kernels = [op for op in found if any(has(each, Trait.CONTRACTION) for each in op.body.block)]
    assert len(kernels) == 2 and kernels[0].writes[0] in kernels[1].reads
    assert drafted(*kernels) is None


def test_nothing_else_is_read_from_the_buffer_between() -> None:
    first, second, _ = pointwise(128, 64, 32)
    assert drafted(first, second) is not None
    at = next(index for index, value in enumerate(second.reads) if value is not first.writes[0])
    view = View(first.writes[0], types=[second.reads[at].type])
    assert second.parent is not None
    second.parent.insert_before(second, view)
    second.set_operand(at, view.result)
    assert drafted(first, second) is None


def test_both_multiply_in_one_format() -> None:
    first, second, _ = pointwise(128, 64, 32)
    second.attributes["compute"] = second.attributes["requested"] = None
    assert drafted(first, second) is None
