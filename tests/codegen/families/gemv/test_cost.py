"""The cost model of products of few rows."""

from __future__ import annotations

from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.cost import microseconds
from glassrt.codegen.families.gemv.family import candidates

from ...contraction_cases import TARGET, product


def best(m: int, n: int, k: int) -> float:
    problem = product(m, n, k)
    return microseconds(problem, candidates(problem, TARGET)[0], TARGET)


def test_weights_make_the_time() -> None:
    moved = 4096 * 4096 * 2 / TARGET.bytes_per_second * 1e6
    assert moved < best(1, 4096, 4096) < 2 * moved
    assert best(1, 4096, 1024) < best(1, 4096, 4096) < best(1, 8192, 4096)


def test_bulk_copies_are_faster_than_loads_where_there_are_many_weights() -> None:
    problem = product(1, 4096, 4096)
    bulk, loaded = (candidates(problem, TARGET, bulk)[0] for bulk in (True, False))
    assert microseconds(problem, bulk, TARGET) < microseconds(problem, loaded, TARGET)


def test_few_columns_are_shared_by_a_cluster() -> None:
    problem = product(1, 512, 8192)
    assert candidates(problem, TARGET)[0].splits > 1
    alone, shared = (GemvConfig(8, 1, 8, splits) for splits in (1, 4))
    assert microseconds(problem, shared, TARGET) < microseconds(problem, alone, TARGET)
