"""Launches by number, in the lists in which they stand."""

from __future__ import annotations

from glassrt.compiler.memory.launch_tree import LaunchTree

from .proofs.test_control import INIT, OUT, branch, loop, read, step


def tree(body: str) -> LaunchTree:
    return LaunchTree(read(body).main)


INNER = branch(step("v", "t", "then"), step("v", "t", "else"))
NESTED = INIT + loop(INNER + step("t", "v", "turn")) + OUT


def test_launches_are_numbered_by_their_text() -> None:
    found = tree(NESTED)
    assert [kernel.kernel for kernel in found.kernels] == ["init", "then", "else", "turn", "out"]
    assert [(extent.first, extent.end) for extent in found.extents.values()] == [(1, 4), (1, 3)]
    assert [segment for segment in found.segments if segment] == [[0], [1], [2], [3], [4]]


def test_what_stands_around_a_list_has_run_before_it() -> None:
    init, then, otherwise, turn, out = tree(NESTED).scopes
    assert init is out and init.encloses(then) and turn.encloses(otherwise)
    assert not then.encloses(turn) and not turn.encloses(out)


def test_only_one_branch_runs() -> None:
    init, then, otherwise, turn, _ = tree(NESTED).scopes
    assert then.excludes(otherwise) and otherwise.excludes(then)
    assert not then.excludes(turn) and not init.excludes(then) and not turn.excludes(otherwise)


def test_lists_know_the_loops_around_them() -> None:
    init, then, _, turn, _ = tree(NESTED).scopes
    assert len(then.loops()) == len(turn.loops()) == 1 and not init.loops()
