"""The cost model: what it must say of sizes, whatever its constants are."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.few_channels.config import FewChannelsConfig
from glassrt.codegen.families.few_channels.cost import microseconds
from glassrt.codegen.families.few_channels.product import MMA, WGMMA

from ...contraction_cases import TARGET
from .layers import STEM, image


def test_a_large_batch_is_bound_by_memory() -> None:
    large = image(replace(STEM, x=(128, 3, 224, 224)))
    moved = 128 * (3 * 224 * 224 + 64 * 112 * 112) * 2
    least = moved / TARGET.bytes_per_second * 1e6
    best = min(microseconds(large, config, WGMMA, TARGET) for config in (_config(7, 1, 4), _config(14, 2, 3)))
    assert least < best < 1.6 * least


def test_few_images_want_short_runs() -> None:
    one = image(replace(STEM, x=(1, 3, 224, 224)))
    short, long = (microseconds(one, _config(tiles, 1, 1), WGMMA, TARGET) for tiles in (1, 14))
    assert short < long


def test_reading_the_weights_again_costs() -> None:
    large = image(replace(STEM, x=(128, 3, 224, 224)))
    both = [microseconds(large, _config(14, 2, 3), product, TARGET) for product in (WGMMA, MMA)]
    assert both[0] < both[1]


def _config(tiles: int, groups: int, resident: int) -> FewChannelsConfig:
    return FewChannelsConfig(tiles, 64, groups, resident)
