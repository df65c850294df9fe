"""A module of the host device that several tests compile and launch."""

from __future__ import annotations

import numpy as np
from glassrt.runtime.host import HostModule
from glassrt.runtime.host_arguments import HostScalar

SCALE = """
#include "glass.cuh"
using namespace glass;
constexpr int FACTOR = %d;
GLASS_KERNEL(64, 1) scale%d(Input<f32> x, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i < n) store(y, i, load(x, i) * f32(FACTOR));
}
"""


def source(factor: int) -> dict[str, str]:
    return {f"scale{factor}": SCALE % (factor, factor)}


def doubled(module: HostModule, factor: int, count: int = 1000) -> None:
    x, y = np.arange(count, dtype=np.float32), np.zeros(count, np.float32)
    module.launch(
        f"scale{factor}", (-(-count // 64), 1, 1), (64, 1, 1), (1, 1, 1), 0, [x, y, HostScalar("i32", count)]
    )
    np.testing.assert_array_equal(y, x * factor)
