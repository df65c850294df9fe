"""Three launches as one, or two: which may be, and what they compute."""

from __future__ import annotations

from glassrt.compiler.schedule.enclosing.draft import EnclosingDraft, drafts_around
from glassrt.compiler.schedule.enclosing.record import ENCLOSE_DEPTHWISE
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.launch import Kernel, kernels_in

from .networks import inverted, launched

APART = frozenset({ENCLOSE_DEPTHWISE, GROUP_LAUNCHES})


def drafts(**how: object) -> list[list[EnclosingDraft]]:
    module, _ = launched(inverted(**how), disabled=APART)  # type: ignore[arg-type]
    found = [drafts_around(kernel) for kernel in kernels_in(module.main.block)]
    return [each for each in found if each]


def test_the_convolution_and_what_is_around_it() -> None:
    ((whole, part),) = drafts()
    assert [len(draft.ops) for draft in (whole, part)] == [3, 2] and whole.ops[1:] == part.ops
    first, middle, last = whole.ops
    assert whole.between == [first.writes[0], middle.writes[0]] and whole.writes == [last.writes[0]]
    assert len(whole.reads) == sum(len(op.reads) for op in whole.ops) - 2
    region = whole.region
    assert [argument.type for argument in region.arguments] == [value.type for value in whole.reads]
    assert len(region.terminator.inputs) == 1
    ops = [op.name for each in whole.ops for op in each.body.block if op.next is not None]
    assert [op.name for op in region if op.next is not None] == ops


def test_results_that_others_read_are_not_between() -> None:
    assert [[len(draft.ops) for draft in found] for found in drafts(read="expanded")] == [[2]]
    assert not drafts(read="convolved")


def test_other_convolutions_have_none() -> None:
    module, _ = launched(inverted(), disabled=APART)
    kernels: list[Kernel] = list(kernels_in(module.main.block))
    assert sum(bool(drafts_around(kernel)) for kernel in kernels) == 1 < len(kernels)
