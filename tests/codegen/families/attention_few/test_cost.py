"""The cost model of attention of few queries: what it prefers."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.attention_few.config import FewQueriesConfig
from glassrt.codegen.families.attention_few.cost import microseconds

from .checked import problem_of, request_of
from .grouped import Grouped

CONFIG = FewQueriesConfig(4, 8, 4, 1)


def expected(grouped: Grouped, config: FewQueriesConfig) -> float:
    module = grouped.module()
    problem, rows = problem_of(module)
    return microseconds(problem, rows, config, request_of(module))


def test_more_keys_take_longer_and_blocks_that_share_them_less() -> None:
    long, longer = Grouped(batch=1, heads=8, keys=4096), Grouped(batch=1, heads=8, keys=8192)
    assert expected(long, CONFIG) < expected(longer, CONFIG)
    assert expected(longer, replace(CONFIG, splits=8)) < expected(longer, CONFIG) / 3


def test_rows_that_share_keys_are_cheaper_in_one_block() -> None:
    grouped = Grouped(batch=16, heads=8, keys=2048)
    assert expected(grouped, CONFIG) < expected(grouped, replace(CONFIG, rows=1)) / 2


def test_it_is_never_faster_than_memory() -> None:
    grouped = Grouped(batch=64, heads=8, keys=4096)
    bytes_moved = 2 * 64 * 8 * 4096 * 64 * 2
    assert expected(grouped, CONFIG) > bytes_moved / 4.8e6


def test_a_batch_without_entries_is_priced_as_one_with_a_single_entry() -> None:
    one, none = (Grouped(batch=batch, heads=1, keys=64) for batch in (1, 0))
    assert expected(none, CONFIG) == expected(one, CONFIG)
