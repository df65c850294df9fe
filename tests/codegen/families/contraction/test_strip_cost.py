"""Prices of kernels over strips, and the configurations that are priced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.axes import RowAxis, Window
from glassrt.codegen.families.contraction.strip_cost import (
    StripPrice,
    StripWork,
    configs,
    positions,
    priced,
    ranked,
)
from glassrt.codegen.families.contraction.strips import StripConfig, Windows
from glassrt.dialects.core.affine import Dim

WORK = StripWork(80, 5.0, 40.0, 2, 2)


def at(dim: Dim) -> int:
    assert isinstance(dim, int)
    return dim


def windows(images: int, size: int, channels: int, stride: int = 1, dilation: int = 1) -> Windows:
    extent = (size + stride - 1) // stride
    window = Window(3, stride, dilation, dilation, size, True)
    rows = (RowAxis(images, size * size * channels, None, "image"),)
    rows += tuple(RowAxis(extent, channels, window, label) for label in ("y", "x"))
    return Windows(rows, channels, 0)


def price(windows: Windows, config: StripConfig, work: StripWork = WORK) -> float:
    return priced(windows, config, work, REFERENCE, at).microseconds


@pytest.mark.parametrize(("channels", "widest"), [(144, 8), (5, 1), (960, 16), (36, 4), (8, 8)])
def test_proposed_configurations_fit(channels: int, widest: int) -> None:
    for dilation in (1, 2):
        own = windows(8, 14, channels, dilation=dilation)
        found = list(configs(own, widest, 2, at))
        assert found and all(own.misfit(config) is None for config in found)
        assert all(channels % config.channels == 0 for config in found)
        assert {config.vector for config in found} <= {widest, widest // 2, widest // 4}


def test_strips_are_no_longer_than_their_lines() -> None:
    found = list(configs(windows(8, 3, 32), 8, 2, at))
    assert {config.pixels for config in found} == {1, 2} == {config.rows for config in found}


def test_lines_and_columns_of_a_thread() -> None:
    assert positions(windows(8, 14, 32), StripConfig(4, 4, 2, 1, 32, 128)) == (4, 6)
    assert positions(windows(8, 14, 32, stride=2), StripConfig(4, 4, 2, 1, 32, 128)) == (5, 9)


def test_a_price_is_above_what_memory_and_instructions_take() -> None:
    own, config = windows(128, 56, 144), StripConfig(4, 4, 7, 1, 48, 128)
    least = price(own, config)
    assert least > 128 * 56 * 56 * 144 * 4 / REFERENCE.bytes_per_second * 1e6
    dear = replace(WORK, output=4000.0)
    assert price(own, config, dear) > 5 * least


def test_fewer_resident_threads_take_longer() -> None:
    own, config = windows(128, 14, 384), StripConfig(4, 2, 7, 1, 64, 128)
    few = price(own, config, replace(WORK, registers=240))
    assert few > price(own, config)


def test_of_kernels_that_are_as_fast_the_shortest_is_first() -> None:
    long, large, short, slow = (StripConfig(vector, 1, 1, 1, 32, 64) for vector in (16, 8, 4, 2))
    prices = [
        StripPrice(slow, 2.06, 40.0, 30),
        StripPrice(long, 2.0, 200.0, 50),
        StripPrice(large, 2.0, 100.0, 60),
        StripPrice(short, 2.01, 100.0, 50),
    ]
    found = ranked(prices, REFERENCE, 4)
    assert [each.config for each in found] == [short, large, long, slow]
    assert ranked(prices, REFERENCE, 2) == found[:2]
    assert {each.microseconds for each in found[:3]} == {2.0} and 2.0 < found[3].microseconds <= 2.06
