"""Stores of results: as vectors where lanes lie beside each other."""

from __future__ import annotations

from glassrt.codegen.emit.emitter import Emitter
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.sections import Section
from glassrt.codegen.emit.stores import store
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.expr import Expr, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

ROW, COLUMN = symbol("m"), symbol("n")


LOAD = "const Vec<f32, 4> x0_1 = load_wide<4>(x0, m*64 + n);"


def stored(index: tuple[Dim, ...], lanes: int, *, half: bool = False) -> list[str]:
    """The statements that store an element of x0, in f16 where HALF, at INDEX of y0."""
    type = TensorType((64, 64), F16 if half else F32)
    source = Block([TensorType((64, 64), F32)]).arguments[0]
    expr: Expr = LoadExpr(source, (ROW, COLUMN), F32)
    expr = Scalars().cast(expr, F16) if half else expr
    emitter = Emitter({source: "x0"}, {"m": "m", "n": "n"}, (), Lanes("n", lanes))
    section = Section(lanes)
    store(emitter, "y0", type, index, expr, section)
    return section.finished(lanes)


LOOP = ["GLASS_UNROLL", "for (int lane = 0; lane < 4; ++lane) {"]


def test_one_element() -> None:
    assert stored((ROW, COLUMN), 1) == ["const f32 x0_1 = load(x0, m*64 + n);", "store(y0, m*64 + n, x0_1);"]


def test_a_vector_that_is_loaded_is_stored_whole() -> None:
    assert stored((ROW, COLUMN), 4) == [LOAD, "store_wide<4>(y0, m*64 + n, x0_1);"]


def test_a_vector_that_is_computed_is_filled_first() -> None:
    assert stored((ROW, COLUMN), 4, half=True) == [
        LOAD,
        "Vec<f16, 4> y0_3;",
        *LOOP,
        "    const f16 cast2 = convert<f16>(x0_1[lane]);",
        "    y0_3[lane] = cast2;",
        "}",
        "store_wide<4>(y0, m*64 + n, y0_3);",
    ]


def test_lanes_across_memory_are_stored_one_by_one() -> None:
    assert stored((COLUMN, ROW), 4) == [LOAD, *LOOP, "    store(y0, m + n*64 + lane*64, x0_1[lane]);", "}"]
