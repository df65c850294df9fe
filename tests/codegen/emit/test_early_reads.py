"""Loads of epilogue operands that are issued early: which can be, and where their values stand."""

from __future__ import annotations

from glassrt.codegen.emit.early_reads import EarlyReads
from glassrt.codegen.emit.spaces import make_space
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32

ROWS = make_space("m", "m", [(0, symbol("S0")), (2, 7)])
COLUMNS = make_space("n", "n", [(1, 64)])
ROW, COLUMN = symbol("_m0"), symbol("_n1")


def early() -> EarlyReads:
    return EarlyReads({"S0": "s0"}, (ROWS, COLUMNS), ROWS)


def test_what_all_rows_share_stands_apart() -> None:
    reads = early()
    assert reads.place(COLUMN * 2) is reads.along and reads.place(5) is reads.along
    assert reads.place(ROW * 64 + COLUMN) is reads.beside and reads.place(symbol("S0")) is reads.along
    assert reads.place(symbol("_j1") + COLUMN) is None


def test_loads_fill_the_fields_of_a_struct() -> None:
    reads = early()
    assert reads.beside.code("int") is None
    name = reads.beside.read("f0", F16, 8, "x1", ROW * 64 + COLUMN)
    assert name == "beside.f0" and reads.along.read("f1", F32, 4, "x2", COLUMN) == "along.f1"
    code = reads.beside.code("i64")
    assert code is not None and code.fields == "Vec<f16, 8> f0;" and code.bytes == 16
    assert code.reads == "const i64 m0 = m / 7;\nbeside.f0 = load_wide<8>(x1, m0*64 + n);"
    along = reads.along.code("int")
    assert along is not None and along.reads == "along.f1 = load_wide<4>(x2, n);" and along.bytes == 16
