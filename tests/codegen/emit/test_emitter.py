"""Statements of scalar expressions: loads by their strides along the lanes, shared values, and stores."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.emitter import Emitter, Given
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.sections import Section
from glassrt.codegen.emit.spaces import make_space
from glassrt.codegen.emit.stores import store
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.dtypes import F16, F32, I8, I32, I64, DType
from glassrt.dialects.core.expr import CastExpr, Expr, LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

ROWS, COLUMNS = make_space("m", "i", [(0, 6)]), make_space("n", "i", [(1, 64)])
M, N = symbol(ROWS.axes[0].symbol), symbol(COLUMNS.axes[0].symbol)
X, HALF, INDEX, BYTES = Block([TensorType((6, 64), dtype) for dtype in (F32, F16, I64, I8)]).arguments
LOOP = ["GLASS_UNROLL", "for (int lane = 0; lane < 4; ++lane) {"]
SCALARS = Scalars()


def emitter(lanes: int = 4) -> Emitter:
    buffers = {X: "x0", HALF: "x1", INDEX: "x2", BYTES: "x3"}
    return Emitter(buffers, {"S": "s0"}, (ROWS, COLUMNS), Lanes(COLUMNS.axes[0].symbol, lanes))


def load(row: Dim = M, column: Dim = N) -> LoadExpr:
    return LoadExpr(X, (row, column), F32)


def stored(expr: Expr, dtype: DType = F32, lanes: int = 4, index: tuple[Dim, Dim] = (M, N)) -> list[str]:
    """The statements that store EXPR at INDEX of an output."""
    section = Section(lanes)
    store(emitter(lanes), "y0", TensorType((6, 64), dtype), index, expr, section)
    return section.finished(lanes)


def test_adjacent_elements_are_one_wide_load_and_store() -> None:
    assert stored(SCALARS.apply("neg", load())) == [
        "const Vec<f32, 4> x0_1 = load_wide<4>(x0, m*64 + n);",
        "Vec<f32, 4> y0_3;",
        *LOOP,
        "    const f32 neg_2 = m_neg(x0_1[lane]);",
        "    y0_3[lane] = neg_2;",
        "}",
        "store_wide<4>(y0, m*64 + n, y0_3);",
    ]


def test_a_copy_stores_the_vector_that_it_loaded() -> None:
    assert stored(load()) == [
        "const Vec<f32, 4> x0_1 = load_wide<4>(x0, m*64 + n);",
        "store_wide<4>(y0, m*64 + n, x0_1);",
    ]


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (0, "const f32 x0_1 = load(x0, m*64);"),  # the same in all lanes
        (floordiv(N, 4), "const f32 x0_1 = load(x0, m*64 + (n / 4));"),
        (N + 1, "    const f32 x0_1 = load(x0, m*64 + n + 1 + lane);"),  # not aligned
        (2 * N, "    const f32 x0_1 = load(x0, m*64 + n*2 + lane*2);"),
        (floordiv(N, 3), "    const f32 x0_1 = load(x0, m*64 + (((n + lane)) / 3));"),
    ],
)
def test_other_strides(column: Dim, line: str) -> None:
    lines = stored(load(column=column))
    assert line in lines and not any("load_wide" in each for each in lines)


def test_a_thread_of_one_element_has_scalars() -> None:
    assert stored(load(), lanes=1) == [
        "const f32 x0_1 = load(x0, m*64 + n);",
        "store(y0, m*64 + n, x0_1);",
    ]


def test_what_is_shared_is_computed_once() -> None:
    root = SCALARS.apply("exp", load())
    lines = stored(SCALARS.apply("add", root, root))
    assert sum("m_exp" in line for line in lines) == sum("load_wide" in line for line in lines) == 1


def test_each_branch_of_a_choice_is_loaded_under_its_own_predicate() -> None:
    inside = SCALARS.inside(M, 1, symbol("S"))
    lines = stored(SCALARS.select(inside, load(M - 1), load(M)))
    assert lines[0] == "const bool inside1 = m >= 1 && m < s0;"
    assert lines[1].endswith("= inside1 ? load_wide<4>(x0, m*64 + n - 64) : Vec<f32, 4>{};")
    assert lines[2].endswith("= !inside1 ? load_wide<4>(x0, m*64 + n) : Vec<f32, 4>{};")
    varying = SCALARS.select(SCALARS.inside(N, 0, 5), load(), SCALARS.const(0.0))
    assert "    const bool inside1 = n + lane < 5;" in stored(varying)
    assert "    const f32 x0_2 = inside1 ? load(x0, m*64 + n + lane) : f32{};" in stored(varying)


def test_small_types_are_computed_in_their_wide_one() -> None:
    value = LoadExpr(HALF, (M, N), F16)
    lines = stored(SCALARS.apply("exp", value), F16, lanes=1)
    assert lines[1] == "const f16 exp_2 = convert<f16>(m_exp(convert<f32>(x1_1)));"
    assert stored(CastExpr(value, F32), lanes=1)[1] == "const f32 cast2 = convert<f32>(x1_1);"


def test_bytes_are_widened_and_narrowed_all_lanes_at_once() -> None:
    wide = stored(CastExpr(LoadExpr(BYTES, (M, N), I8), F32))
    assert wide[1] == "const Vec<f32, 4> cast2 = convert_all<f32>(x3_1);"
    whole = CastExpr(SCALARS.apply("round", load()), I8)
    assert stored(whole, I8)[-1] == "store_wide<4>(y0, m*64 + n, nearest_all<i8>(x0_1));"
    assert stored(whole, I8, lanes=1)[1] == "const i8 cast2 = nearest<i8>(x0_1);"


def test_bits_are_reinterpreted() -> None:
    assert stored(SCALARS.bit_cast(load(), I32), I32, lanes=1)[1] == "const i32 bits2 = bit_cast<i32>(x0_1);"


def test_positions_are_values() -> None:
    assert stored(SCALARS.index_value(M * 2), I64, lanes=1) == ["store(y0, m*64 + n, i64(m*2));"]
    assert "    y0_1[lane] = i64(n + lane);" in stored(SCALARS.index_value(N), I64)
    given = Given("sum[lane]", F32, varying=True)
    assert "    y0_1[lane] = sum[lane];" in stored(given)


def test_an_index_from_data_is_named_where_it_is_used() -> None:
    picked = SCALARS.let_index(LoadExpr(INDEX, (M, 0), I64), lambda at: load(at))
    lines = stored(picked)
    assert lines[:3] == [
        "const i64 x2_1 = load(x2, m*64);",
        "const i64 j2 = i64(x2_1);",
        "const Vec<f32, 4> x0_3 = load_wide<4>(x0, n + j2*64);",
    ]
    section = Section(4)
    assert emitter().address(picked, section) == "n + j2*64" and section.finished(4) == lines[:2]
    with pytest.raises(TypeError, match="Apply has no address"):
        emitter().address(SCALARS.apply("neg", load()), section)
    lane = SCALARS.let_index(LoadExpr(INDEX, (M, N), I64), lambda at: load(at))
    with pytest.raises(ValueError, match="the same in all lanes"):
        stored(lane)
