"""Delta debugging finds parts that fail and of which every item is needed."""

from __future__ import annotations

import pytest
from glassrt.compiler.reduction.ddmin import ddmin


@pytest.mark.parametrize("needed", [{7}, {0, 31}, {3, 4, 5}, {1, 9, 17, 30}, set(range(32))])
def test_what_is_left_is_what_is_needed(needed: set[int]) -> None:
    tried = 0

    def fails(part: list[int]) -> bool:
        nonlocal tried
        tried += 1
        assert part == sorted(part)
        return needed <= set(part)

    assert ddmin(range(32), fails) == sorted(needed)
    assert tried < (150 if len(needed) < 32 else 130)


def test_nothing_is_needed_and_nothing_is_there() -> None:
    assert ddmin([1, 2, 3], lambda part: True) == []
    assert ddmin([], lambda part: False) == []


def test_no_single_item_of_a_fault_with_many_forms_can_go() -> None:
    def fails(part: list[int]) -> bool:
        return sum(part) >= 20

    found = ddmin([1, 9, 2, 8, 3, 7], fails)
    assert fails(found) and not any(fails([x for x in found if x != gone]) for gone in found)
