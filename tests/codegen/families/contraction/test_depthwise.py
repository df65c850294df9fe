"""Depthwise convolutions on the host device against numpy in float64."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.contraction import depthwise
from glassrt.codegen.families.contraction.strips import StripConfig
from glassrt.dialects.core.affine import symbol
from glassrt.runtime.host import HostModule

from ...contraction_cases import TARGET, Case, check, conv, kernel_of, matmul, module_of, run_case
from .compiling import compiled

N = symbol("N")
WIDE = StripConfig(8, 1, 1, 1, 32, 64)
RUN = StripConfig(4, 4, 1, 1, 16, 32)
FEW = StripConfig(8, 2, 1, 1, 32, 64)
PAIR = StripConfig(2, 2, 1, 1, 8, 32)
SINGLE = StripConfig(1, 4, 1, 1, 4, 32)
STRIP = StripConfig(4, 2, 3, 1, 16, 32)
DEEP = StripConfig(2, 3, 7, 2, 40, 60)
QUADS = StripConfig(4, 2, 2, 1, 24, 48)
UNIT = 2.0**-24


def filters(dtype: str, x: tuple[Any, ...], *taps: int, **attributes: Any) -> Case:
    return conv(dtype, x, (x[1], 1, *taps), groups=x[1], **attributes)


ROWS = {
    "plain": (filters("f16", (2, 40, 7, 6), 3, 3, pad=1), WIDE),
    "run": (filters("f16", (2, 40, 7, 6), 3, 3, pad=1), RUN),
    "run_strided": (filters("f16", (1, 32, 9, 11), 3, 3, pad=1, stride=2), RUN),
    "run_unpadded": (filters("f16", (1, 32, 9, 11), 5, 3), RUN),
    "five": (filters("bf16", (1, 32, 8, 9), 5, 5, pad=2), FEW),
    "one_sided": (filters("f16", (1, 16, 8, 9), 3, 3, pads=(0, 1, 1, 0)), RUN),
    "dilated": (filters("f16", (1, 16, 9, 9), 3, 3, pad=2, dilation=2), WIDE),
    "even_taps": (filters("f16", (1, 6, 8, 7), 2, 4, pad=1), PAIR),
    "odd_channels": (filters("f16", (2, 5, 6, 7), 3, 3, pad=1), SINGLE),
    "single": (filters("f32", (1, 12, 6, 5), 3, 3, pad=1), StripConfig(4, 2, 1, 1, 16, 32)),
    "double": (filters("f64", (1, 4, 6, 5), 3, 3, pad=1), StripConfig(2, 2, 1, 1, 8, 32)),
    "integers": (filters("i8", (1, 6, 6, 5), 3, 3, pad=1, out="i32"), PAIR),
    "u8_i8": (
        filters("u8", (2, 24, 6, 5), 3, 3, pad=1, weights="i8", out="i32"),
        StripConfig(4, 2, 1, 1, 16, 32),
    ),
    "i8_u8": (filters("i8", (1, 6, 7, 5), 3, 2, stride=2, weights="u8", out="i32"), PAIR),
    "u8_u8": (filters("u8", (1, 5, 6, 7), 3, 3, pad=1, weights="u8", out="i32"), SINGLE),
    "u8_i16": (
        filters("u8", (2, 24, 6, 5), 3, 3, pad=1, weights="i16", out="i32"),
        StripConfig(4, 2, 1, 1, 16, 32),
    ),
    "i8_i16": (filters("i8", (1, 5, 6, 7), 3, 3, stride=2, weights="i16", out="i32"), SINGLE),
    "eight_bit_floats": (
        filters("f8e4m3", (1, 8, 6, 5), 3, 3, pad=1, out="f32"),
        StripConfig(4, 2, 1, 1, 8, 32),
    ),
    "sequence": (filters("f16", (3, 16, 21), 5, pad=2, stride=3), RUN),
    "volume": (filters("f16", (1, 8, 4, 5, 6), 2, 3, 3, pad=1), RUN),
    "symbolic": (filters("f16", (N, 16, 6, 5), 3, 3, pad=1, sizes={"N": 3}), RUN),
    "symbolic_image": (filters("f16", (1, 16, N, N * 2), 3, 3, pad=1, sizes={"N": 5}), RUN),
    "strip": (filters("f16", (2, 40, 7, 6), 3, 3, pad=1), STRIP),
    "strip_strided": (filters("f16", (2, 32, 9, 11), 3, 3, pad=1, stride=2), STRIP),
    "strip_even_taps": (filters("bf16", (1, 16, 8, 9), 2, 4, pads=(0, 1, 1, 0)), STRIP),
    "strip_unpadded": (filters("f32", (1, 40, 9, 11), 5, 3), DEEP),
    "strip_deep": (filters("f16", (2, 40, 14, 9), 3, 3, pad=1), DEEP),
    "strip_symbolic": (filters("f16", (1, 16, N, N * 2), 3, 3, pad=1, sizes={"N": 5}), STRIP),
    "one_column": (filters("f16", (2, 16, 9, 1), 3, 1, pads=(1, 0, 1, 0)), RUN),
    "quads": (filters("i8", (2, 24, 7, 6), 3, 3, pad=1, out="i32"), QUADS),
    "quads_strided": (filters("u8", (2, 24, 7, 9), 3, 3, pad=1, stride=2, weights="i8", out="i32"), QUADS),
    "quads_thirds": (filters("i8", (2, 24, 7, 12), 3, 3, stride=3, weights="u8", out="i32"), QUADS),
    "quads_five": (filters("u8", (2, 24, 7, 9), 5, 5, pad=2, weights="u8", out="i32"), QUADS),
    "quads_dilated": (
        filters("i8", (1, 24, 9, 9), 3, 3, pad=2, dilation=2, out="i32"),
        StripConfig(8, 1, 1, 1, 24, 48),
    ),
    "quads_wide": (
        filters("i8", (2, 32, 9, 10), 3, 3, pad=1, out="i32"),
        StripConfig(16, 1, 2, 1, 32, 32),
    ),
    "quads_volume": (
        filters("i8", (1, 8, 4, 5, 6), 2, 3, 3, pad=1, out="i32"),
        StripConfig(8, 2, 1, 1, 8, 32),
    ),
    "pointwise": (filters("f16", (2, 16, 5, 5), 1, 1), RUN),
}


@pytest.fixture(scope="module")
def module() -> HostModule:
    return module_of([kernel_of(case, config, f"k_{name}") for name, (case, config) in ROWS.items()])


@pytest.mark.parametrize("name", ROWS)
def test_kernel_agrees_with_numpy(name: str, module: HostModule) -> None:
    case, config = ROWS[name]
    kernel = kernel_of(case, config, f"k_{name}")
    unit = 2.0**-53 if case.out == "f64" else UNIT
    check(case, run_case(case, kernel, module, runs=2), unit)


@pytest.mark.parametrize("name", ROWS)
def test_every_candidate_is_legal(name: str) -> None:
    case, _ = ROWS[name]
    found = [price.config for price in depthwise.candidates(case.problem, TARGET, out_bytes=2)]
    assert found and len({*found}) == len(found)
    assert all(depthwise.illegal(case.problem, config, TARGET) is None for config in found)
    assert all(config.vector <= depthwise.widest(case.problem, 2) for config in found)


@pytest.mark.parametrize(
    "case",
    [
        conv("f16", (1, 16, 6, 6), (16, 16, 3, 3)),
        conv("f16", (1, 16, 6, 6), (32, 1, 3, 3), groups=16),
        matmul("f16", (8, 8), (8, 8)),
    ],
)
def test_other_contractions_are_refused(case: Case) -> None:
    assert depthwise.unsupported(case.problem) is not None


@pytest.mark.parametrize("taps", [3, 7])
@pytest.mark.parametrize(
    "types", [{"dtype": "f16"}, {"dtype": "bf16"}, {"dtype": "u8", "weights": "i8", "out": "i32"}]
)
def test_depthwise_kernels_do_not_spill(types: dict[str, str], taps: int) -> None:
    """Not even what needs the most registers of all that are legal."""
    case = conv(**types, x=(8, 96, 28, 28), w=(96, 1, taps, taps), pad=taps // 2, groups=96)
    found = [price.config for price in depthwise.candidates(case.problem, TARGET, most=1000)]
    most = max(found, key=lambda config: depthwise.registers(case.problem, config))
    compiled(case, [most], "sm_90a")
