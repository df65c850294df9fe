"""Drafts of groups: which configurations of launches go together, and whether that takes less time."""

from __future__ import annotations

from typing import cast

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.cost import MemberLoad
from glassrt.codegen.interface import Candidate, KernelCode
from glassrt.compiler.schedule.grouping.drafts import MOST_MEMBERS, GroupDraft, Outcome, join
from glassrt.compiler.schedule.grouping.variants import Variant, Variants
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F32 as FLOAT
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.unary import Neg
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer

LAUNCH = REFERENCE.fitted.contraction.launch
ENOUGH = REFERENCE.fitted.schedule.group_saving
F32 = TensorType((4,), FLOAT)


def launch(ops: int = 1) -> Kernel:
    """A launch whose kernel has OPS ops."""
    block = Block()
    value = block.add_argument(F32)
    for _ in range(ops):
        value = block.append(Neg(value)).result
    block.append(Yield(value))
    buffers = [Buffer(space="arena", bytes=16, types=[F32]).result for _ in range(2)]
    return Kernel(
        *buffers, kernel="k", outputs=1, family="loop", grid=(1,), block=(128, 1, 1), regions=[Region(block)]
    )


def variant(
    microseconds: float, blocks: int = 8, threads: int = 128, resident: int = 8, saturates: bool = False
) -> Variant:
    load = MemberLoad(microseconds, blocks, threads, resident, saturates)
    return Variant(Candidate("loop", {}, microseconds), load, cast(KernelCode, None))


class Known:
    """What `Variants` gives, of configurations that are given: the first of each is that of its launch."""

    target = REFERENCE

    def __init__(self, table: dict[Kernel, list[Variant]]) -> None:
        self.table = table

    def own(self, op: Kernel) -> Variant:
        return self.table[op][0]

    def resized(self, op: Kernel, threads: int) -> list[Variant]:
        return [each for each in self.table[op] if each.load.threads == threads]


def joined(*members: list[Variant], ops: int = 1, most_ops: int = 64) -> Outcome:
    """What comes of the second of MEMBERS, each the configurations of one launch, with the first."""
    first, second = launch(ops), launch(ops)
    table = Known({first: members[0], second: members[1]})
    drafts = [GroupDraft((op,), (at,), (f"n{at}",)) for at, op in enumerate((first, second))]
    return join(drafts[0], drafts[1], cast(Variants, table), most_ops)


def test_two_small_launches_take_the_time_of_one() -> None:
    """Both have room beside each other, so that one launch less is paid for and one time alone."""
    time = LAUNCH + ENOUGH + 1
    outcome = joined([variant(time)], [variant(time)])
    assert outcome.joined is not None
    assert (outcome.joined.indices, outcome.joined.nodes) == ((0, 1), ("n0", "n1"))
    assert outcome.together == pytest.approx(time) == pytest.approx(outcome.saved)
    assert f"one launch of 16 blocks is expected to take {time:.1f} microseconds" in outcome.reason


def test_launches_that_fill_the_gpu_save_a_launch_and_no_more() -> None:
    """Each uses all multiprocessors, so that their times add up, but for the launch."""
    full = variant(LAUNCH + 5, REFERENCE.multiprocessors, saturates=True)
    outcome = joined([full], [full])
    assert outcome.together == pytest.approx(LAUNCH + 10) and outcome.saved == pytest.approx(LAUNCH)
    assert (outcome.joined is not None) == (LAUNCH >= ENOUGH)


def test_what_saves_too_little_stays_apart() -> None:
    outcome = joined([variant(ENOUGH / 2)], [variant(ENOUGH / 2)])
    assert outcome.joined is None and not outcome.disabled and outcome.saved < ENOUGH
    assert outcome.reason.endswith(f"less than {ENOUGH} is saved")


def test_more_blocks_than_a_few_waves_stay_apart() -> None:
    slots = REFERENCE.multiprocessors * 8
    outcome = joined([variant(50, 2 * slots)], [variant(50, 1)])
    assert outcome.joined is None
    assert outcome.reason == f"together they have {2 * slots + 1} blocks, more than 2 waves of {slots}"


def test_code_is_bounded() -> None:
    assert joined([variant(9)], [variant(9)], ops=4, most_ops=8).joined is not None
    outcome = joined([variant(9)], [variant(9)], ops=4, most_ops=7)
    assert outcome.reason == "together they have 8 ops; the limit is 7" and outcome.joined is None
    most = GroupDraft((launch(),) * MOST_MEMBERS, tuple(range(MOST_MEMBERS)), ())
    assert most.full and not GroupDraft(most.ops[1:], most.indices[1:], ()).full


def test_all_members_have_the_same_threads() -> None:
    """The second has another configuration with the threads of the first, though a slower one."""
    outcome = joined([variant(9)], [variant(9, threads=256), variant(9.5)])
    assert outcome.joined is not None
    assert [each.load.threads for each in outcome.joined.variants] == [128, 128]
    assert outcome.saved == pytest.approx(9 + 9 - 9.5)
    alone = joined([variant(9)], [variant(9, threads=256)])
    assert alone.joined is None and "no configurations with the same number of threads" in alone.reason


def test_what_keeps_a_whole_multiprocessor_busy_decides_the_threads() -> None:
    small = [variant(9), variant(12, threads=256)]
    outcome = joined(small, [variant(9, threads=256, saturates=True), variant(30, saturates=True)])
    assert outcome.joined is not None
    assert [each.load.threads for each in outcome.joined.variants] == [256, 256]


def test_a_configuration_that_is_worse_alone_may_be_better_in_company() -> None:
    """Alone the first is faster; but of the other, too, one block alone then fits."""
    blocks = REFERENCE.multiprocessors
    greedy, modest = variant(9, 1, resident=1), variant(9.4, 1, resident=8)
    outcome = joined([variant(10, 2 * blocks, 16)], [greedy, modest])
    assert outcome.joined is None  # there is none with as few threads
    outcome = joined([variant(10, 2 * blocks)], [greedy, modest])
    assert outcome.joined is not None and outcome.joined.variants[1] is modest


def test_the_longest_member_comes_first() -> None:
    ops = (launch(), launch(), launch())
    draft = GroupDraft(ops, (4, 7, 9), ("a", "b"), (variant(2), variant(8), variant(5)))
    longest = draft.longest_first()
    assert longest.indices == (7, 9, 4) and longest.ops == (ops[1], ops[2], ops[0])
    assert [each.load.microseconds for each in longest.variants] == [8, 5, 2] and longest.nodes == draft.nodes
    assert draft.size == 3


def test_outcomes_that_join_rank_before_those_that_do_not_and_then_by_what_they_save() -> None:
    draft = GroupDraft((launch(),), (0,), ())
    small, large = Outcome(draft, draft, "", saved=1), Outcome(draft, draft, "", saved=2)
    refused = Outcome(draft, None, "", saved=9)
    assert max([small, refused, large], key=lambda outcome: outcome.rank) is large
    assert min([small, refused, large], key=lambda outcome: outcome.rank) is refused
