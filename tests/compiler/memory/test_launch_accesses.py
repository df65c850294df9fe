"""Which launch accesses which elements of a buffer, and how long that has to keep them."""

from __future__ import annotations

import pytest
from glassrt.compiler.memory.launch_accesses import Memory, memories_of, root_of
from glassrt.compiler.memory.launch_tree import LaunchTree
from glassrt.dialects.core.module import Module
from glassrt.dialects.launch import Kernel

from .proofs.launch_text import LaunchText
from .proofs.test_control import INIT, OUT, branch, loop, read, step


def halves() -> tuple[Module, dict[str, Memory]]:
    """Two launches that each write half of a buffer, and one that reads all of it."""
    text = LaunchText()
    whole = text.buffer(text.type.with_shape((8, 8)))
    for index in (0, 1):
        text.relu(text.x, text.part(whole, index))
    module = text.done(whole)
    memories = memories_of(module.main)
    return module, {memory.space: memory for memory in memories.values()}


def test_accesses_are_by_launch_and_by_what_they_do() -> None:
    _, memories = halves()
    assert list(memories) == ["input", "arena", "output"], "inputs first"
    arena = memories["arena"]
    assert [access.launch for access in arena.writes] == [0, 1]
    assert [access.launch for access in arena.reads] == [2] and arena.scratch == []
    assert [access.launch for access in memories["input"].reads] == [0, 1]
    assert [access.launch for access in arena.accesses()] == [0, 1, 2]


def test_accesses_through_views_touch_their_part() -> None:
    _, memories = halves()
    shapes = [access.shape for access in memories["arena"].writes]
    assert [(shape and shape.start, shape and shape.runs) for shape in shapes] == [
        (0, ((8, 8), (4, 1))),
        (4, ((8, 8), (4, 1))),
    ]
    (whole,) = [access.shape for access in memories["arena"].reads]
    assert whole is not None and whole.runs == ((64, 1),)


def test_views_of_views_begin_where_both_say() -> None:
    module, memories = halves()
    kernel = [op for op in module.main.block if isinstance(op, Kernel)][1]
    root, start = root_of(kernel.writes[0])
    assert root is memories["arena"].value and start + kernel.writes[0].type.layout.offset == 4
    assert root_of(root) == (root, 0)


def test_buffers_know_their_bytes_and_inputs_are_none() -> None:
    _, memories = halves()
    assert memories["input"].op is None and memories["arena"].op is not None
    assert memories["input"].bytes == 8 * 4 * 4 and memories["arena"].bytes == 8 * 8 * 4
    assert memories["arena"].type.shape == (8, 8)


def test_a_part_of_the_launches_has_numbers_of_its_own() -> None:
    _, memories = halves()
    later = memories["arena"].within(range(1, 3))
    assert [access.launch for access in later.writes] == [0] and [a.launch for a in later.reads] == [1]
    assert memories["arena"].within(range(3, 9)).writes == []


NESTED = INIT + loop(branch(step("v", "t"), step("v", "t")) + step("t", "v")) + OUT


@pytest.mark.parametrize("inside", ["v", "t"])
def test_what_a_loop_shares_with_outside_is_kept_throughout(inside: str) -> None:
    """Launches 0 and 4 are outside, 1 and 2 in the branches, 3 behind them in the loop."""
    module = read(NESTED)
    tree = LaunchTree(module.main)
    named = {value.hint: memory for value, memory in memories_of(module.main, tree).items()}
    memory = named[inside]
    launches = {access.launch for access in memory.accesses()}
    if inside == "v":
        assert launches == {0, 1, 2, 3, 4} and memory.held(tree) == {0, 1, 2, 3, 4}
    else:
        assert launches == {1, 2, 3} == memory.held(tree), "nothing outside of the loop needs it"


def test_what_control_flow_reads_is_kept_until_then() -> None:
    module = read(NESTED)
    tree = LaunchTree(module.main)
    counted = [memory for memory in memories_of(module.main, tree).values() if memory.controls]
    assert counted and len(tree.kernels) == 5
    for memory in counted:
        for op in memory.controls:
            extent = tree.extents[op]
            assert extent.first - 1 in memory.held(tree) or extent.first == 0
