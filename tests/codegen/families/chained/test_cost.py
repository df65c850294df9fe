"""The cost model of chained contractions."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.chained.config import ChainedConfig, Extents
from glassrt.codegen.families.chained.cost import microseconds

from ...contraction_cases import TARGET

ROWS = 128 * 56 * 56
EXTENTS = Extents(ROWS, ROWS, 64, 256, 64, 2, 2, 2, 128, True, True)
CONFIG = ChainedConfig(2, 128, 4, 4, 4)


def time(config: ChainedConfig, **changed: int) -> float:
    return microseconds(replace(EXTENTS, **changed), config, TARGET)


def test_less_than_memory_allows_is_never_expected() -> None:
    moved = ROWS * (64 + 256 + 256 + 64) * 2
    assert time(CONFIG) > moved / TARGET.bytes_per_second * 1e6
    assert time(CONFIG, residual=False) < time(CONFIG)


def test_what_is_under_way_hides_what_is_waited_for() -> None:
    narrow = replace(CONFIG, line=64, slots=8)
    assert time(replace(narrow, buffers=8)) < time(narrow) < time(replace(narrow, buffers=2))
    assert time(narrow) < time(replace(narrow, slots=2))


def test_weights_that_come_for_every_tile_cost_their_bytes() -> None:
    large = {"rows": ROWS // 16, "k": 256, "n": 1024, "columns": 256}
    streamed = ChainedConfig(2, 64, 4, 4, 2)
    assert time(streamed, **large) > 1.2 * time(streamed, **{**large, "k": 64, "columns": 64})


def test_integers_are_multiplied_faster_and_finished_more_slowly() -> None:
    bytes_ = {"a_bytes": 1, "first_bytes": 1, "second_bytes": 1}
    as_bytes = replace(CONFIG, slots=2)
    assert time(as_bytes, **bytes_, is_float=False) > time(as_bytes, **bytes_)
    assert time(as_bytes, **bytes_, is_float=False) < time(CONFIG)
