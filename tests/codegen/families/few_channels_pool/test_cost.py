"""The cost model: what it must say of sizes, whatever its constants are."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.few_channels.product import MMA, WGMMA
from glassrt.codegen.families.few_channels_pool.config import PoolConfig
from glassrt.codegen.families.few_channels_pool.cost import microseconds

from ...contraction_cases import TARGET
from .layers import STEM, pooled

LARGE = pooled(replace(STEM, x=(128, 3, 224, 224)))
WHOLE = PoolConfig(7, 5, 64, 1, 3)


def test_products_are_the_time_of_many_images() -> None:
    """448 clocks for each 64 outputs, of which runs compute some twice."""
    least = 128 * 14 * 14 * 448 / TARGET.multiprocessors / TARGET.clock
    assert least < microseconds(LARGE, WHOLE, WGMMA, TARGET) < 2 * least


def test_few_images_want_short_runs() -> None:
    one = pooled(replace(STEM, x=(1, 3, 224, 224)))
    times = [microseconds(one, config, WGMMA, TARGET) for config in (replace(WHOLE, bands=1, units=2), WHOLE)]
    assert times[0] < times[1]


def test_reading_the_weights_again_costs() -> None:
    both = [microseconds(LARGE, WHOLE, product, TARGET) for product in (WGMMA, MMA)]
    assert both[0] < both[1]


def test_bands_that_are_computed_twice_cost() -> None:
    times = [microseconds(LARGE, replace(WHOLE, bands=bands), WGMMA, TARGET) for bands in (1, 14)]
    assert times[1] < times[0]
