"""Extremes on packed vectors: what can be one, and what only looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.packed import packed_extreme
from glassrt.codegen.text.literals import highest, lowest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.dtypes import F16, F32, I8, DType
from glassrt.dialects.core.expr import Const, LoadExpr, ReduceExpr, Scalars, Select
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

ROW, R = symbol("i"), symbol("_r1")
LANES = Lanes("i", 8)


def extreme(kind: str = "max", dtype: DType = F16, column: Dim = ROW, extent: Dim = 3) -> ReduceExpr:
    source = Block([TensorType((64, 64), dtype)]).arguments[0]
    return ReduceExpr(kind, (("_r1", extent),), LoadExpr(source, (R, column), dtype), dtype)


@pytest.mark.parametrize(("kind", "dtype"), [("max", F16), ("min", F16), ("max", I8)])
def test_contiguous_elements_start_from_the_identity(kind: str, dtype: DType) -> None:
    found = packed_extreme(extreme(kind, dtype), LANES)
    assert found is not None and found.kind == kind and found.condition is None and found.unrolled
    assert found.start == (lowest(dtype) if kind == "max" else highest(dtype))


def test_padding_is_the_identity_or_it_is_none() -> None:
    reduce, inside = extreme(), Scalars().inside(R, 0, 9)
    for value, fits in ((-float("inf"), True), (0.0, False)):
        body = Select(inside, reduce.body, Const(value, F16), F16)
        found = packed_extreme(replace(reduce, body=body), LANES)
        assert (found is not None and found.condition is inside) == fits


def test_what_is_no_packed_extreme() -> None:
    assert packed_extreme(extreme("sum"), LANES) is None
    assert packed_extreme(extreme(dtype=F32), LANES) is None
    assert packed_extreme(extreme(), Lanes("i", 16)) is None
    for column in (2 * ROW, ROW + 1, symbol("j")):
        assert packed_extreme(extreme(column=column), LANES) is None
    computed = replace(extreme(), body=Scalars().apply("neg", extreme().body))
    assert packed_extreme(computed, LANES) is None


@pytest.mark.parametrize(("extent", "unrolled"), [(16, True), (17, False), (symbol("N"), False)])
def test_short_windows_are_unrolled(extent: Dim, unrolled: bool) -> None:
    found = packed_extreme(extreme(extent=extent), LANES)
    assert found is not None and found.unrolled == unrolled
