"""Specs of products of few rows: their kernels on the host device against numpy in float64, case by case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.dialects.core.affine import symbol
from glassrt.runtime.host import HostModule

from ...contraction_cases import Case, Kernel, check, conv, gemv_kernel_of, matmul, module_of, run_case

N = symbol("N")


@dataclass
class Row:
    """A case, how its kernel is configured, and the kernel once it is made."""

    name: str
    case: Case
    config: GemvConfig
    unit: float = 2.0**-24

    @property
    def kernel(self) -> Kernel:
        return gemv_kernel_of(self.case, self.config, f"k_{self.name}")


def product(dtype: str, m: int, n: int, k: int, **more: object) -> Case:
    return matmul(dtype, (m, k), (n, k), transpose_b=True, **more)  # type: ignore[arg-type]


ROWS = {
    row.name: row
    for row in (
        Row("vector", product("f16", 1, 40, 264), GemvConfig(8, 1, 4)),
        Row("whole", product("f16", 16, 64, 512), GemvConfig(16, 4, 4)),
        Row("ragged", product("f16", 11, 70, 520), GemvConfig(16, 2, 4)),
        Row("bf16", product("bf16", 3, 33, 200), GemvConfig(8, 2, 8), 2.0**-8),
        Row("odd", product("f16", 2, 19, 136), GemvConfig(8, 1, 4)),
        Row("cluster", product("f16", 5, 48, 1000), GemvConfig(8, 1, 4, splits=4)),
        Row("cluster_whole", product("f16", 1, 64, 512), GemvConfig(8, 2, 4, splits=2)),
        Row("tf32", product("f32", 4, 24, 132), GemvConfig(8, 1, 4), 2.0**-11),
        Row("i8", product("i8", 7, 40, 400, out="i32"), GemvConfig(8, 1, 4)),
        Row("u8_i8", product("u8", 9, 40, 400, out="i32", weights="i8"), GemvConfig(16, 1, 4)),
        Row(
            "batches",
            matmul("f16", (3, 2, 72), (3, 20, 72), transpose_b=True),
            GemvConfig(8, 1, 4),
        ),
        Row("pointwise", conv("f16", (3, 64, 1, 1), (40, 64, 1, 1)), GemvConfig(8, 1, 4)),
        Row("rows_of_tiles", product("f16", 13, 24, 72), GemvConfig(8, 1, 4)),
        Row("bulk_vector", product("f16", 1, 40, 264), GemvConfig(8, 1, 4, stages=2)),
        Row("bulk_refilled", product("f16", 16, 64, 2048), GemvConfig(16, 4, 4, stages=3)),
        Row("bulk_ragged", product("f16", 11, 70, 1032), GemvConfig(16, 2, 4, stages=2)),
        Row("bulk_bf16", product("bf16", 3, 33, 200), GemvConfig(8, 2, 8, stages=1), 2.0**-8),
        Row("bulk_cluster", product("f16", 5, 48, 1000), GemvConfig(8, 1, 4, splits=4, stages=1)),
        Row("bulk_tf32", product("f32", 4, 24, 132), GemvConfig(8, 1, 4, stages=2), 2.0**-11),
        Row("bulk_i8", product("i8", 7, 40, 1200, out="i32"), GemvConfig(8, 1, 4, stages=2)),
        Row(
            "bulk_batches",
            matmul("f16", (3, 2, 72), (3, 20, 72), transpose_b=True),
            GemvConfig(8, 1, 4, stages=1),
        ),
        Row("bulk_pointwise", conv("f16", (3, 64, 1, 1), (40, 64, 1, 1)), GemvConfig(8, 1, 4, stages=1)),
        Row("turns", product("f16", 1, 328, 520), GemvConfig(8, 2, 4, stages=2, turns=4)),
        Row("turns_of_rows", product("f16", 14, 100, 1032), GemvConfig(16, 1, 8, stages=3, turns=3)),
        Row("turns_of_few_steps", product("f16", 5, 70, 136), GemvConfig(8, 1, 4, stages=4, turns=5)),
        Row("bulk_rows_of_tiles", product("f16", 13, 24, 328), GemvConfig(8, 1, 4, stages=1)),
    )
}


def test_weights_are_copied_before_the_wait_and_rows_behind_it() -> None:
    source = ROWS["bulk_vector"].kernel.source
    places = [source.index(mark) for mark in ("copy_b(step, step)", "pdl_wait()", "copy_a(step, step)")]
    assert places == sorted(places)


@pytest.fixture(scope="module")
def module() -> HostModule:
    return module_of([row.kernel for row in ROWS.values()])


@pytest.mark.parametrize("name", ROWS)
def test_kernel_agrees_with_numpy(name: str, module: HostModule) -> None:
    """In forward and reverse order of the blocks, with the same bits."""
    row = ROWS[name]
    results = [run_case(row.case, row.kernel, module, runs) for runs in (1, 2)]
    for result in results:
        check(row.case, result, row.unit)
    np.testing.assert_array_equal(*results)
