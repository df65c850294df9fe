"""Reductions by one thread: their loops, their accumulators, and what has none."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.emitter import Emitter
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.sections import Section
from glassrt.codegen.emit.serial_reductions import serial_reduce
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.dtypes import F16, F32, DType
from glassrt.dialects.core.expr import LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

I = symbol("i")  # noqa: E741


def emitted(kind: str, extents: tuple[Dim, ...], lanes: int, dtype: DType = F32) -> tuple[list[str], str]:
    """The statements and the result of a reduction over EXTENTS of [extents, 64], at column i."""
    source = Block([TensorType((*extents, 64), dtype)]).arguments[0]
    reduce = Scalars().reduce(kind, extents, lambda at: LoadExpr(source, (*at, I), dtype))
    emitter = Emitter({source: "x0"}, {"i": "i", "N": "s0"}, (), Lanes("i", lanes))
    section = Section(lanes)
    result = serial_reduce(emitter, reduce, section)
    return section.finished(lanes), result.text


def test_one_loop_for_each_variable() -> None:
    lines, result = emitted("sum", (3, symbol("N")), 1)
    assert lines == [
        "f32 sum4 = 0x0p+0f;",
        "for (int r1 = 0; r1 < 3; ++r1) {",
        "    for (int r2 = 0; r2 < s0; ++r2) {",
        "        const f32 x0_3 = load(x0, s0*r1*64 + r2*64 + i);",
        "        sum4 = sum4 + x0_3;",
        "    }",
        "}",
    ]
    assert result == "sum4"


def test_an_extent_of_one_has_no_loop() -> None:
    lines, _ = emitted("sum", (1, 1), 1)
    assert not any("for" in line for line in lines)
    lines, _ = emitted("sum", (1, 3), 1)
    assert sum("for" in line for line in lines) == 1


def test_lanes_have_an_accumulator_each() -> None:
    lines, result = emitted("sum", (3,), 4)
    assert result == "sum3[lane]" and "f32 sum3[4];" in lines


def test_extremes_of_neighbouring_lanes_are_packed() -> None:
    lines, result = emitted("max", (3,), 8, F16)
    assert lines == [
        "Packed<f16, 8> max2 = filled<8>(f16{0xfc00});",
        "GLASS_UNROLL",
        "for (int r1 = 0; r1 < 3; ++r1) {",
        "    max2 = max_all(max2, load_packed<8>(x0, r1*64 + i));",
        "}",
        "const Vec<f16, 8> max3 = unpacked(max2);",
    ]
    assert result == "max3[lane]"


def test_lanes_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one number of elements in all lanes"):
        emitted("sum", (I,), 4)
