"""Specs of contractions: their kernels on the host device against numpy in float64, case by case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig
from glassrt.codegen.families.contraction.simt import SimtConfig
from glassrt.codegen.families.contraction.spec import split_scratch
from glassrt.codegen.families.contraction.tile import Tiling
from glassrt.codegen.families.contraction.wgmma import WGMMA, WgmmaConfig
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.runtime.host import HostModule

from ...contraction_cases import (
    TARGET,
    Case,
    Kernel,
    bind,
    case_of,
    check,
    conv,
    kernel_of,
    matmul,
    module_of,
    run_case,
)

UNITS = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-24, "f64": 2.0**-53, "tf32": 2.0**-11}
N = symbol("N")
Config = MmaConfig | SimtConfig


@dataclass
class Row:
    """A case, how its kernel is configured, and the kernel once it is made."""

    name: str
    case: Case
    config: Config
    unit: float = 2.0**-24

    @property
    def kernel(self) -> Kernel:
        return kernel_of(self.case, self.config, f"k_{self.name}")


def mma_rows() -> list[Row]:
    small = MmaConfig(32, 32, 64, 1, 1, 2, 3)
    wide = MmaConfig(64, 64, 64, 2, 2, 1, 4)
    return [
        Row("pointwise", conv("f16", (2, 64, 5, 7), (40, 64, 1, 1)), small),
        Row("window", conv("f16", (2, 16, 6, 5), (24, 16, 3, 3), pad=1), small),
        Row("window_uniform", conv("f16", (1, 64, 6, 7), (64, 64, 3, 3), pad=1), wide),
        Row("stem", conv("f16", (1, 4, 13, 12), (32, 4, 7, 7), stride=2, pad=3), small),
        Row(
            "stem_eight",
            conv("f16", (1, 8, 9, 9), (16, 8, 7, 4), stride=2, pad=2),
            MmaConfig(32, 32, 32, 1, 1, 1, 4),
        ),
        Row("unpadded", conv("f16", (1, 24, 9, 8), (32, 24, 3, 2), stride=2), small),
        Row("dilated", conv("f16", (2, 32, 9, 9), (32, 32, 3, 3), pad=2, dilation=2), small),
        Row("strided_pointwise", conv("f16", (2, 32, 9, 7), (32, 32, 1, 1), stride=2), small),
        Row("one_sided", conv("f16", (1, 16, 7, 6), (16, 16, 3, 3), pads=(1, 0, 0, 2)), small),
        Row("groups", conv("f16", (2, 48, 5, 5), (96, 16, 3, 3), pad=1, groups=3), small),
        Row("odd_channels", conv("f16", (1, 6, 7, 5), (10, 6, 3, 3), pad=1), small),
        Row("one_channel", conv("f16", (1, 1, 8, 9), (8, 1, 3, 3), pad=1), small),
        Row("sequence", conv("f16", (2, 16, 21), (32, 16, 5), pad=2), small),
        Row("volume", conv("bf16", (1, 16, 4, 5, 3), (16, 16, 3, 2, 3), pad=1), small, UNITS["bf16"]),
        Row(
            "split",
            conv("f16", (1, 64, 5, 5), (72, 64, 3, 3), pad=1),
            MmaConfig(32, 32, 64, 1, 1, 2, 3, splits=3),
        ),
        Row(
            "split_cluster",
            conv("f16", (1, 112, 5, 5), (72, 112, 3, 3), pad=1),
            MmaConfig(16, 32, 128, 1, 1, 4, 3, splits=4),
        ),
        Row(
            "split_cluster_rows",
            matmul("f16", (3, 70, 256), (3, 256, 140)),
            MmaConfig(32, 128, 32, 1, 2, 1, 3, splits=2),
        ),
        Row("k_groups", matmul("f16", (40, 200), (200, 24)), MmaConfig(32, 32, 128, 1, 1, 4, 3)),
        Row("column_major", matmul("f16", (33, 72), (48, 72), transpose_b=True), wide),
        Row("both_transposed", matmul("f16", (72, 40), (48, 72), transpose_a=True, transpose_b=True), wide),
        Row("odd_sizes", matmul("bf16", (5, 37), (37, 11)), small, UNITS["bf16"]),
        Row("batched", matmul("f16", (3, 2, 20, 32), (3, 2, 32, 24)), small),
        Row("broadcast", matmul("f16", (3, 4, 20, 32), (4, 32, 24)), small),
        Row("folded", matmul("f16", (3, 7, 64), (64, 40)), small),
        Row(
            "one_row",
            matmul("f16", (1, 256), (72, 256), transpose_b=True),
            MmaConfig(16, 32, 128, 1, 1, 4, 2),
        ),
        Row("raster", matmul("f16", (200, 64), (64, 200)), MmaConfig(32, 64, 64, 1, 2, 1, 3, raster=4)),
        Row("single_out", matmul("f16", (24, 64), (64, 40), out="f32"), small),
        Row(
            "tf32",
            matmul("f32", (40, 64), (36, 64), transpose_b=True),
            MmaConfig(32, 32, 32, 1, 1, 2, 3),
            UNITS["tf32"],
        ),
        Row(
            "tf32_conv",
            conv("f32", (1, 12, 6, 5), (20, 12, 3, 3), pad=1),
            MmaConfig(32, 32, 32, 1, 1, 1, 3),
            UNITS["tf32"],
        ),
        Row(
            "i8",
            matmul("i8", (40, 128), (24, 128), out="i32", transpose_b=True),
            MmaConfig(32, 32, 128, 1, 1, 2, 3),
        ),
        Row(
            "i8_conv",
            conv("i8", (1, 16, 6, 7), (24, 16, 3, 3), out="i32", pad=1),
            MmaConfig(32, 32, 64, 1, 1, 1, 3),
        ),
        Row("symbolic", conv("f16", (N, 16, 5, 5), (24, 16, 3, 3), pad=1, sizes={"N": 3}), small),
        Row("symbolic_rows", matmul("f16", (N, 64), (64, 40), sizes={"N": 37}), wide),
        Row("symbolic_all", matmul("f16", (2, N, 64), (2, N, 64), transpose_b=True, sizes={"N": 21}), small),
        Row("symbolic_k", matmul("f16", (2, 24, N), (2, N, 16), sizes={"N": 45}), small),
        Row("image", conv("f16", (1, 16, N, N * 2), (16, 16, 3, 3), pad=1, stride=2, sizes={"N": 6}), small),
    ]


def simt_rows() -> list[Row]:
    small = SimtConfig(32, 32, 32, 8, 8, 3)
    wide = SimtConfig(128, 64, 16, 16, 8, 3)
    return [
        Row("s_matmul", matmul("f32", (40, 50), (50, 36)), small),
        Row("s_column_major", matmul("f32", (130, 48), (70, 48), transpose_b=True), wide),
        Row("s_transposed", matmul("f32", (48, 40), (48, 36), transpose_a=True), small),
        Row("s_conv", conv("f32", (2, 12, 6, 5), (20, 12, 3, 3), pad=1), small),
        Row("s_groups", conv("f32", (1, 12, 6, 5), (8, 6, 3, 3), pad=1, groups=2), small),
        Row("s_three_channels", conv("f32", (1, 3, 9, 9), (16, 3, 3, 3), stride=2, pad=1), small),
        Row("s_split", matmul("f32", (20, 260), (260, 36)), SimtConfig(32, 32, 32, 8, 8, 3, splits=3)),
        Row("s_split_odd", matmul("f64", (19, 380), (380, 33)), SimtConfig(16, 32, 16, 4, 8, 4, splits=8)),
        Row("s_half", conv("f16", (1, 12, 6, 5), (20, 12, 3, 3), pad=1), SimtConfig(32, 32, 64, 8, 8, 4)),
        Row("s_double", matmul("f64", (20, 30), (30, 18)), SimtConfig(32, 32, 16, 8, 8, 3), UNITS["f64"]),
        Row("s_i8", matmul("i8", (20, 33), (33, 18), out="i32"), SimtConfig(32, 32, 64, 8, 8, 3)),
        Row("s_i64", matmul("i64", (20, 33), (33, 18)), SimtConfig(32, 32, 16, 8, 8, 3)),
        Row("s_symbolic", conv("f32", (N, 5, 6, 6), (7, 5, 3, 3), pad=1, sizes={"N": 2}), small),
        Row("s_one_column", matmul("f32", (33, 40), (40, 1)), small),
    ]


def view_rows() -> list[Row]:
    """Operands that are parts of larger buffers, and results stored into parts of them."""
    small = MmaConfig(32, 32, 64, 1, 1, 2, 3)
    scalar = SimtConfig(32, 32, 64, 8, 8, 3)
    x = TensorType((2, 16, 6, 5), F16, Layout((), (6 * 5 * 48, 1, 5 * 48, 48), 16))
    w = TensorType((24, 16, 3, 3), F16, channels_last(4))
    pads = {"strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1), "groups": 1}
    window = case_of(Conv, (x, w), "f16", **pads)
    heads = TensorType((2, 3, 20, 32), F16, Layout((), (20 * 288, 32, 288, 1), 0))
    keys = TensorType((2, 3, 24, 32), F16, Layout((), (24 * 288, 32, 288, 1), 96))
    scores = case_of(Matmul, (heads, keys), "f32", transpose_a=False, transpose_b=True)
    every_other = TensorType((40, 64), F16, Layout((), (128, 2), 1))
    dense = TensorType((64, 24), F16)
    strided = case_of(Matmul, (every_other, dense), "f32", transpose_a=False, transpose_b=False)
    groups = conv("f16", (2, 48, 5, 5), (96, 16, 3, 3), pad=1, groups=3)
    return [
        Row("view_window", window, small),
        Row("view_window_scalar", window, scalar),
        Row("view_heads", scores, small),
        Row("view_gaps", strided, small),
        Row("view_result", replace(matmul("f16", (37, 64), (64, 40)), pitch=104, start=24), small),
        Row("view_result_odd", replace(matmul("f16", (37, 64), (64, 40)), pitch=51, start=3), small),
        Row("view_result_groups", replace(groups, pitch=160, start=32), small),
    ]


def prologue_rows() -> list[Row]:
    """The first operand is changed on its way in; padding and what lies past the end are not."""
    small = MmaConfig(32, 32, 64, 1, 1, 2, 3)
    scalar = SimtConfig(32, 32, 32, 8, 8, 3)
    window = replace(conv("f16", (2, 16, 6, 5), (24, 16, 3, 3)), doubled=True)
    product = replace(matmul("f16", (37, 72), (72, 40)), doubled=True)
    split = MmaConfig(32, 32, 64, 1, 1, 2, 3, splits=2)
    exact = replace(matmul("f32", (37, 50), (50, 36)), doubled=True)
    return [
        Row("prologue_window", window, small, UNITS["f16"]),
        Row("prologue_product", product, small, UNITS["f16"]),
        Row(
            "prologue_split", replace(matmul("f16", (37, 250), (250, 40)), doubled=True), split, UNITS["f16"]
        ),
        Row("prologue_scalar", exact, scalar),
    ]


def eight_bit_rows() -> list[Row]:
    """Bytes of either sign in any pair, and 8-bit floats; the tensor cores take k innermost alone."""
    small = MmaConfig(32, 32, 128, 1, 1, 2, 3)
    narrow = MmaConfig(32, 32, 64, 1, 1, 1, 3)
    split = MmaConfig(32, 32, 128, 1, 1, 2, 3, splits=2)
    scalar = SimtConfig(32, 32, 64, 8, 8, 3)
    pairs = {"u8_i8": ("u8", "i8"), "i8_u8": ("i8", "u8"), "u8_u8": ("u8", "u8"), "f8": ("f8e4m3", "f8e4m3")}
    rows = []
    for name, (a, b) in pairs.items():
        kind: Any = {"weights": b, "out": "f32" if a == "f8e4m3" else "i32"}
        product = matmul(a, (37, 200), (24, 200), transpose_b=True, **kind)
        rows += [
            Row(name, product, small),
            Row(f"{name}_window", conv(a, (2, 32, 6, 7), (24, 32, 3, 3), pad=1, **kind), narrow),
            Row(f"{name}_odd", conv(a, (1, 6, 7, 5), (10, 6, 3, 2), pads=(1, 0, 0, 1), **kind), narrow),
            Row(f"s_{name}", matmul(a, (20, 33), (33, 18), **kind), scalar),
            Row(f"s_{name}_window", conv(a, (1, 12, 6, 5), (8, 6, 3, 3), pad=1, groups=2, **kind), scalar),
        ]
    mixed: Any = {"weights": "i8", "out": "i32"}
    folded = {"weights": "f8e4m3", "out": "f32", "transpose_b": True}
    return [
        *rows,
        Row("u8_i8_groups", conv("u8", (1, 96, 5, 4), (48, 32, 3, 3), stride=2, groups=3, **mixed), narrow),
        Row("u8_i8_split", matmul("u8", (20, 600), (40, 600), transpose_b=True, **mixed), split),
        Row("f8_split", matmul("f8e4m3", (20, 600), (40, 600), **folded), split),
        Row("f8_batched", matmul("f8e4m3", (3, 20, 64), (3, 24, 64), **folded), narrow),
        Row(
            "u8_i8_symbolic",
            matmul("u8", (N, 64), (40, 64), transpose_b=True, sizes={"N": 37}, **mixed),
            small,
        ),
    ]


ALL_ROWS = (*mma_rows(), *simt_rows(), *view_rows(), *prologue_rows(), *eight_bit_rows())
ROWS = {row.name: row for row in ALL_ROWS}


@pytest.fixture(scope="module")
def module() -> HostModule:
    return module_of([row.kernel for row in ROWS.values()])


@pytest.mark.parametrize("name", ROWS)
def test_kernel_agrees_with_numpy(name: str, module: HostModule) -> None:
    """In forward and reverse order of the blocks; split sums three times with the same counters."""
    row = ROWS[name]
    kernel = row.kernel
    results = [run_case(row.case, kernel, module, runs) for runs in (1, 3 if "split" in name else 2)]
    for result in results:
        check(row.case, result, row.unit)
    np.testing.assert_array_equal(*results)


def test_a_cluster_adds_up_to_the_bits_of_a_workspace() -> None:
    """The last block of a tile adds up the sums in the order in which each block of a cluster does."""
    case, config = matmul("f16", (40, 1024), (1024, 72)), MmaConfig(32, 32, 64, 1, 1, 2, 3, splits=8)
    kernels = [
        kernel_of(case, config, name, target)
        for name, target in (("cluster", TARGET), ("workspace", arch_named("sm_80")))
    ]
    assert [bool(kernel.scratch) for kernel in kernels] == [False, True]
    module = module_of(kernels)
    np.testing.assert_array_equal(*(run_case(case, kernel, module) for kernel in kernels))


def test_a_launch_has_a_block_for_every_tile_and_split() -> None:
    case, config = matmul("f16", (3, 100, 512), (3, 512, 130)), MmaConfig(32, 64, 64, 1, 1, 2, 3, splits=4)
    geometry = kernel_of(case, config).geometry
    assert geometry.grid == (3 * 4 * 3, 4, 1) and geometry.block == (64, 1, 1)
    assert geometry.cluster == (1, 4, 1) and split_scratch(case.problem, Tiling.of(config, TARGET)) == ()
    alone = Tiling.of(config, arch_named("sm_80"))
    workspace, counters = split_scratch(case.problem, alone)
    assert workspace.type.bytes == 36 * 4 * 32 * 64 * 4 and counters.type.bytes == 36 * 4
    assert counters.space == "counters" and split_scratch(case.problem, replace(alone, splits=1)) == ()


def test_barriers_lie_behind_the_pipeline() -> None:
    case, config = matmul("f16", (512, 512), (512, 512), transpose_b=True), WgmmaConfig(64, 64, 64, 1, 1, 4)
    spec = WGMMA.specialize(case.problem, config, bind(case, "k", 1), TARGET)
    staged = 4 * (64 + 64) * 64 * 2
    assert spec.pipeline_bytes == staged and spec.k_tiles == 8
    end = staged
    for operand, offset in spec.barriers:
        assert offset == end
        end += operand.staging.barrier_bytes
    assert spec.shared_bytes == end and len(spec.barriers) in (0, 2)


def test_accumulators_take_the_place_of_a_shorter_pipeline() -> None:
    case, config = matmul("f16", (64, 64), (64, 64)), MmaConfig(64, 64, 16, 2, 2, 1, 2)
    spec = MMA.specialize(case.problem, config, bind(case, "k", 1), TARGET)
    assert spec.shared_bytes == spec.epilogue.sums_bytes == 64 * (64 + 8) * 4
