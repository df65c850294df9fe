"""The cost model of bottlenecks."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.codegen.families.bottleneck.cost import microseconds

from ...contraction_cases import TARGET
from .test_config import EXTENTS, HEAD

CONFIG = BottleneckConfig(2, 64, 2, 5)


def time(config: BottleneckConfig = CONFIG, **changed: int) -> float:
    return microseconds(replace(EXTENTS, **changed), config, TARGET)


def test_less_than_memory_allows_is_never_expected() -> None:
    moved = 128 * 56 * 56 * (64 + 256 + 256 + 64) * 2
    assert time() > moved / TARGET.bytes_per_second * 1e6
    assert time(residual=False) < time()


def test_each_part_takes_time() -> None:
    assert time(columns=0, second_bytes=0) < time() < time(columns=128)
    taps = replace(HEAD, taps=(5, 5))
    assert time() < microseconds(replace(EXTENTS, head=taps), CONFIG, TARGET)


def test_what_is_under_way_hides_what_is_waited_for() -> None:
    assert time(replace(CONFIG, buffers=7)) < time() < time(replace(CONFIG, buffers=2))


def test_integers_are_finished_more_slowly() -> None:
    head = replace(HEAD, line=64, last_steps=2, a_bytes=1, result_bytes=1)
    bytes_ = replace(EXTENTS, head=head, line=64, first_bytes=1, second_bytes=1)
    integers = replace(bytes_, head=replace(head, is_float=False))
    assert microseconds(bytes_, CONFIG, TARGET) < microseconds(integers, CONFIG, TARGET) < time()
