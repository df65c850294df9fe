"""The cost model of convolutions over patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glassrt.codegen.families.patched.config import PatchConfig
from glassrt.codegen.families.patched.cost import microseconds
from glassrt.codegen.families.patched.patch import PatchExtents
from glassrt.codegen.families.registry import candidates
from glassrt.dialects.core.dtypes import F16, I8

from ...contraction_cases import TARGET
from .convolutions import NAME, Case, request_of

EXTENTS = PatchExtents(128, 56, 56, (3, 3), (1, 1), (1, 1), 64, 1, 2, 64, 1, 1, False, False)
CONFIG = PatchConfig(groups=3, high=1, wide=1, block_n=64, stages=6, buffers=2)


def time(config: PatchConfig = CONFIG, **changed: Any) -> float:
    return microseconds(replace(EXTENTS, **changed), config, TARGET)


def test_less_than_memory_or_products_allow_is_never_expected() -> None:
    pixels = 128 * 56 * 56
    assert time() > pixels * 128 / TARGET.bytes_per_second * 1e6
    operations = 2 * pixels * 64 * 576 / (TARGET.fitted.throughput.wgmma * 2 * TARGET.multiprocessors)
    assert time() > operations / TARGET.clock


def test_pixels_beyond_the_edge_cost_as_much_as_others() -> None:
    assert 1.1 * time() < time(height=57) < 1.01 * time(height=64)
    assert time(replace(CONFIG, wide=2)) > time()  # 56 pixels are seven blocks


def test_a_residual_and_halves_cost_more() -> None:
    assert time(residual=True) > time()
    assert time(a_bytes=2, line=128, last_steps=4, result_bytes=2, is_float=True) > 1.5 * time()


def test_it_is_chosen_where_many_taps_would_be_copied() -> None:
    for dtype in (F16, I8):
        few, many = (request_of(Case((128, n, size, size), n, dtype)) for n, size in ((64, 56), (128, 14)))
        assert candidates(few)[0].family == NAME
        assert candidates(many)[0].family != NAME
