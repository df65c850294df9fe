"""Rows of attention of few queries: which batch dimensions are rows, and where rows lie."""

from __future__ import annotations

from glassrt.codegen.families.attention.problem import find_attention
from glassrt.codegen.families.attention_few.rows import MOST_ROWS, rows_of

from ...attention_cases import Shape, module_of
from .checked import problem_of, request_of
from .grouped import Grouped


def test_heads_that_share_keys_are_rows_beside_the_queries() -> None:
    problem, rows = problem_of(Grouped(batch=2, heads=3, group=4, queries=5, keys=70).module())
    assert (rows.sizes, rows.count) == ((4, 5), 20)
    assert [problem.extents[axis] for axis in rows.kept] == [2, 3]
    assert rows.steps(problem.q) == (5 * 64, 64) and rows.entry_steps(problem.q) == (3 * 20 * 64, 20 * 64)
    assert rows.entry_steps(problem.k) == (3 * 70 * 64, 70 * 64)


def test_heads_with_keys_of_their_own_are_not() -> None:
    _, rows = problem_of(module_of(Shape(batch=2, heads=3, queries=5)))
    assert (rows.sizes, len(rows.kept)) == ((5,), 2)


def test_a_mask_is_alike_for_all_rows_or_not() -> None:
    problem, rows = problem_of(Grouped(masked=True).module())
    assert problem.mask is not None and rows.alike(problem.mask)
    other, own = problem_of(module_of(Shape(queries=3, mask=(2, 1, 3, 24))))
    assert other.mask is not None and not own.alike(other.mask)


def test_there_are_not_too_many() -> None:
    problem = find_attention(request_of(module_of(Shape(queries=MOST_ROWS + 1, keys=16))))
    assert problem is not None and rows_of(problem) is None
