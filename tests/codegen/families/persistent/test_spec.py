"""Persistent contractions on the host device against numpy in float64, and the text that is emitted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from glassrt.codegen.families.persistent.config import PersistentConfig
from glassrt.codegen.families.persistent.spec import launch
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.runtime.host import HostModule

from ...contraction_cases import (
    Case,
    case_of,
    check,
    conv,
    matmul,
    module_of,
    persistent_kernel_of,
    run_case,
)

SMALL = PersistentConfig(64, 64, 64, 1, 2, 4)
TOGETHER = PersistentConfig(128, 128, 64, 2, 1, 3)
FRAGMENTS = PersistentConfig(128, 64, 64, 1, 2, 3)
WIDE = PersistentConfig(128, 256, 64, 2, 1, 4)
CLUSTER = PersistentConfig(64, 64, 64, 1, 2, 4, buffers=2, cluster=2)
BYTES = PersistentConfig(64, 96, 128, 1, 2, 4)
TURNED = PersistentConfig(64, 64, 64, 1, 2, 4, turned=1)
NARROW = PersistentConfig(64, 96, 192, 1, 2, 3, depth=192)
SHORT = PersistentConfig(64, 96, 64, 1, 2, 4, depth=64)
FEW = PersistentConfig(64, 64, 32, 1, 2, 4, depth=64)
LEAST = PersistentConfig(64, 96, 32, 1, 2, 4, depth=32)
RAGGED = PersistentConfig(64, 96, 96, 1, 2, 3, depth=192)
WINDOW = PersistentConfig(64, 96, 96, 1, 2, 4, depth=96)
M = symbol("M")


def slices(start: int) -> Case:
    """Rows of 96 elements whose operand begins at element START."""
    layout = Layout((0, 1), strides=(96, 1), offset=start)
    operands = (TensorType((100, 72), F16, layout), TensorType((40, 72), F16))
    return case_of(Matmul, operands, "f16", transpose_a=False, transpose_b=True)


ROWS: dict[str, tuple[Case, PersistentConfig]] = {
    "many_tiles": (matmul("f16", (330, 136), (200, 136), transpose_b=True), SMALL),
    "one_tile_of_k": (matmul("f16", (330, 64), (200, 64), transpose_b=True), SMALL),
    "fragments": (matmul("bf16", (330, 200), (72, 200), transpose_b=True), FRAGMENTS),
    "together": (matmul("f16", (300, 136), (260, 136), transpose_b=True), TOGETHER),
    "wide": (matmul("f16", (130, 72), (264, 72), transpose_b=True), WIDE),
    "across": (matmul("f16", (136, 200), (136, 128), transpose_a=True), SMALL),
    "batch": (matmul("f16", (2, 3, 70, 72), (3, 72, 64)), TURNED),
    "symbolic": (matmul("f16", (M, 72), (40, 72), transpose_b=True, sizes={"M": 150}), SMALL),
    "slice": (slices(16), SMALL),
    "integers": (matmul("i8", (150, 144), (104, 144), out="i32", transpose_b=True), BYTES),
    "mixed": (conv("u8", (1, 128, 5, 6), (96, 128, 3, 3), weights="i8", out="i32", pad=1), BYTES),
    "narrow": (conv("i8", (2, 64, 9, 7), (96, 64, 3, 3), out="i32", pad=1), NARROW),
    "narrow_channels": (conv("f16", (1, 96, 9, 8), (64, 96, 3, 2), pads=(1, 1, 1, 0), stride=2), TOGETHER),
    "ragged": (conv("f16", (2, 72, 9, 7), (72, 72, 3, 3), pad=1), SMALL),
    "ragged_panels": (conv("f16", (2, 24, 9, 7), (72, 24, 3, 3), pad=1), RAGGED),
    "ragged_steps": (conv("f16", (1, 40, 9, 7), (72, 40, 3, 3), pad=1), SMALL),
    "ragged_chunks": (conv("f16", (1, 144, 9, 8), (64, 144, 3, 2), pads=(1, 1, 1, 0), stride=2), SMALL),
    "ragged_bytes": (conv("i8", (1, 144, 9, 7), (96, 144, 3, 3), out="i32", pad=1), BYTES),
    "ragged_promoted": (conv("f8e4m3", (1, 144, 9, 7), (96, 144, 3, 3), out="f32", pad=1), BYTES),
    "narrow_rows": (matmul("i8", (150, 48), (104, 48), out="i32", transpose_b=True), SHORT),
    "narrower_rows": (matmul("i8", (150, 16), (104, 16), out="i32", transpose_b=True), LEAST),
    "narrower": (conv("i8", (1, 32, 9, 7), (96, 32, 3, 3), out="i32", pad=1), WINDOW),
    "narrow_groups": (conv("i8", (1, 128, 6, 5), (64, 64, 3, 3), out="i32", pad=1, groups=2), NARROW),
    "promoted": (matmul("f8e4m3", (150, 272), (104, 272), out="f32", transpose_b=True), BYTES),
    "wide_and_narrow_floats": (
        matmul("f8e4m3", (150, 272), (104, 272), weights="f8e5m2", out="f32", transpose_b=True),
        BYTES,
    ),
    "wide_floats": (conv("f8e5m2", (1, 128, 5, 6), (96, 128, 3, 3), out="f32", pad=1), BYTES),
    "pointwise": (conv("f16", (2, 72, 9, 7), (72, 72, 1, 1)), SMALL),
    "window": (conv("f16", (2, 128, 9, 7), (72, 128, 3, 3), pad=1), SMALL),
    "strided": (conv("f16", (2, 64, 9, 8), (64, 64, 3, 3), pad=1, stride=2), SMALL),
    "strided_pointwise": (conv("f16", (2, 64, 9, 8), (64, 64, 1, 1), stride=2), SMALL),
    "dilated": (conv("f16", (1, 64, 12, 11), (64, 64, 3, 2), pads=(2, 1, 0, 3), dilation=2), SMALL),
    "groups": (conv("f16", (1, 128, 9, 9), (128, 64, 3, 3), pad=1, groups=2), SMALL),
    "groups_pointwise": (conv("f16", (2, 48, 9, 9), (64, 24, 1, 1), groups=2), FEW),
}


@lru_cache(maxsize=1)
def module() -> HostModule:
    return module_of([persistent_kernel_of(case, config, name) for name, (case, config) in ROWS.items()])


@pytest.mark.parametrize("name", ROWS)
def test_the_result_is_that_of_numpy(name: str) -> None:
    """In three orders of blocks; rows past the end, columns past the end and the end of k are all there."""
    case, config = ROWS[name]
    got = run_case(case, persistent_kernel_of(case, config, name), module(), runs=3)
    check(case, got, {"f16": 2.0**-11, "bf16": 2.0**-8}.get(str(case.problem.a), 0.0) ** 2 + 2.0**-24)


def test_a_block_for_each_multiprocessor_unless_there_are_fewer_tiles() -> None:
    for columns, blocks in ((64, 6), (512, 8)):
        problem = matmul("f16", (330, 64), (columns, 64), transpose_b=True).problem
        geometry = launch(problem, SMALL, 8)
        assert geometry.grid == (blocks, 1, 1) and geometry.block == (384, 1, 1)
        assert geometry.shared == SMALL.shared_bytes
    both = launch(matmul("f16", (330, 64), (512, 64), transpose_b=True).problem, CLUSTER, 9)
    assert both.grid == (8, 1, 1) and both.cluster == (2, 1, 1)
    symbolic = matmul("f16", (M, 72), (40, 72), transpose_b=True, sizes={"M": 1}).problem
    assert launch(symbolic, SMALL, 8).grid == (8, 1, 1)


@pytest.mark.parametrize("name", ["many_tiles", "window", "together", "across", "promoted", "narrow"])
def test_emitted_text(name: str, golden: Any) -> None:
    case, config = ROWS[name]
    assert persistent_kernel_of(case, config, f"k0_{name}").source == golden.at(f"{name}.cu")
