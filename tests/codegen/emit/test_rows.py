"""Reductions over the threads of a row: which expressions they are, their order, and their loops."""

from __future__ import annotations

import re

import pytest
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.rows import (
    Dependences,
    RowEmitter,
    children,
    depends,
    in_groups,
    own_dims,
    reductions_inside_out,
    walk,
)
from glassrt.codegen.emit.sections import Section
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.expr import Expr, Inside, LetIndex, LoadExpr, ReduceExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType

X = Block([TensorType((8, 4, 50), F32)]).arguments[0]
ROW, N = symbol("_i0"), symbol("N")
LOAD = LoadExpr(X, (ROW, 0, 0), F32)


def sums(kind: str = "sum", extents: tuple[Dim, ...] = (50,), less: Expr | None = None) -> ReduceExpr:
    """The reduction of a row of X, or of what is left of it after LESS is taken away."""
    scalars = Scalars()

    def body(index: tuple[Dim, ...]) -> Expr:
        load = scalars.load(X, (ROW, *index) if len(index) == 2 else (ROW, 0, *index))
        return load if less is None else scalars.apply("sub", load, less)

    return scalars.reduce(kind, extents, body)


def emitter(splits: int = 1) -> RowEmitter:
    made = RowEmitter({X: "x0"}, {"N": "s0"}, (), Lanes("", 1))
    made.names.define("_i0", "row")
    made.rows, made.workers, made.splits = 2, 32, splits
    made.ranges = {"N": (1, 1 << 40)}
    return made


def test_walks_visit_operands_first_and_shared_ones_once() -> None:
    scalars = Scalars()
    twice = scalars.apply("add", LOAD, LOAD)
    chosen = scalars.select(inside := scalars.inside(ROW, 0, N), twice, scalars.const(0.0))
    nodes = list(walk(chosen))
    assert [type(node).__name__ for node in nodes] == ["Inside", "LoadExpr", "Apply", "Const", "Select"]
    assert children(chosen) == (inside, twice, nodes[3]) and own_dims(inside) == (ROW, 0, N)
    assert own_dims(LOAD) == (ROW, 0, 0) and own_dims(twice) == () and children(inside) == ()


def test_dependences_leave_out_what_is_bound_inside() -> None:
    found, scalars = Dependences(), Scalars()
    assert found.of(sums(extents=(4, N))) == {"_i0", "N"}
    picked = scalars.let_index(LOAD, lambda at: LoadExpr(X, (at, symbol("k"), 0), F32))
    assert isinstance(picked, LetIndex)
    assert found.of(picked) == {"_i0", "k"} and found.of(picked.body) == {"k", picked.name}
    assert found.of(Inside(symbol("a"), 0, symbol("b"))) == {"a", "b"}


def test_one_loop_computes_what_does_not_need_another_result() -> None:
    first, second, short = sums(), sums("max"), sums("min", (20,))
    centred = sums(less=first)
    assert in_groups([first, second]) == [[first, second]]
    assert in_groups([first, centred]) == [[first], [centred]]
    assert in_groups([first, short, second]) == [[first], [short], [second]]
    assert depends(centred, [second, first]) and not depends(second, [first, centred])
    assert reductions_inside_out(Scalars().apply("neg", centred)) == [first, centred]


def test_all_threads_of_a_row_share_a_loop() -> None:
    total, largest = sums(), sums("max")
    section = Section(1)
    emitter().share([total, largest], section)
    assert section.finished(1) == [
        "f32 sum1 = 0x0p+0f;",
        "f32 max2 = bit_cast<f32>(0xff800000u);",
        "const int end4 = 50;",
        "const int step5 = 32;",
        "for (int k3 = worker; k3 < end4; k3 += step5) {",
        "    const f32 x0_6 = load(x0, row*200 + k3);",
        "    sum1 = sum1 + x0_6;",
        "    const f32 x0_7 = load(x0, row*200 + k3);",
        "    max2 = m_max(max2, x0_7);",
        "}",
        "sum1 = row_reduce<Sum, 2, 32, false>(sum1, smem);",
        "max2 = row_reduce<Maximum, 2, 32, false>(max2, smem);",
    ]
    names = [section.find(reduce) for reduce in (total, largest)]
    assert [name and name.text for name in names] == ["sum1", "max2"]


def test_several_variables_are_decoded_innermost_fastest() -> None:
    section = Section(1)
    emitter().share([sums(extents=(4, 25))], section)
    lines = [line.strip() for line in section.finished(1)]
    assert lines[1:4:2] == ["const int end3 = 100;", "for (int k2 = worker; k2 < end3; k2 += step4) {"]
    assert lines[4:6] == ["const int r5 = k2 / 25;", "const int r6 = k2 % 25;"]
    assert lines[6] == "const f32 x0_7 = load(x0, row*200 + r5*50 + r6);"


def test_variables_are_not_decoded_where_elements_follow_each_other() -> None:
    section, group = Section(1), [sums(extents=(4, 50)), sums("max", (4, 50))]
    emitter().share(group, section)
    lines = "\n".join(section.finished(1))
    assert lines.count("load(x0, row*200 + k3)") == 2 and "%" not in lines


def test_counters_that_may_overflow_an_int_are_longer() -> None:
    section = Section(1)
    emitter().share([sums(extents=(N,))], section)
    lines = section.finished(1)
    assert lines[1:4:2] == ["const i64 end3 = s0;", "for (i64 k2 = worker; k2 < end3; k2 += step4) {"]


def test_blocks_that_share_a_row_leave_their_parts_in_the_workspace() -> None:
    best, total = sums("argmax"), sums()
    own, section, join = emitter(splits=3), Section(1), Section(1)
    states = own.share_parts(in_groups([best, total]), section)
    assert section.finished(1)[3:5] == ["const int k4 = share * 32 + worker;", "if (k4 < 50) {"]
    assert own.save_parts(states) == [
        "store(workspace, slot, u64(bit_cast<u32>(best1)));",
        "store(workspace, slot + 1, u64(where2));",
        "store(workspace, slot + 2, u64(bit_cast<u32>(sum3)));",
    ]
    own.join_parts([best, total], states, join)
    lines = join.finished(1)
    restarts = ["best1 = ", "where2 = ", "sum3 = "]
    assert all(line.startswith(start) for line, start in zip(lines, restarts, strict=False))
    assert lines[3] == "if (worker < 3) {"
    assert lines[4].strip() == "const i64 slot = (i64(row) * 3 + worker) * 3;"
    assert re.fullmatch(r"    sum3 = sum3 \+ part\d+;", lines[9]), lines
    assert join.find(best) is not None and join.find(total) is not None


@pytest.mark.parametrize("splits", [1, 3])
def test_every_element_is_of_one_thread(splits: int) -> None:
    """The loops of all threads, run in Python, visit every element once."""
    section = Section(1)
    emitter(splits).share_parts([[sums(extents=(200,))]], section)
    end, step, header = (line.split(" = ", 1)[1].rstrip(";) {") for line in section.finished(1)[1:4])
    first = header.split("; ")[0]
    seen = []
    for share in range(splits):
        for worker in range(32):
            at = eval(first, {"share": share, "worker": worker})
            seen += range(at, int(end), int(step))
    assert sorted(seen) == list(range(200))


def test_threads_that_have_one_element_each_need_no_loop() -> None:
    def lines(count: int) -> list[str]:
        section = Section(1)
        emitter().share([sums(extents=(count,))], section)
        return section.finished(1)[1:-1]

    assert lines(33)[2] == "for (int k2 = worker; k2 < end3; k2 += step4) {"
    one = ["const f32 x0_2 = load(x0, row*200 + worker);", "sum1 = sum1 + x0_2;"]
    assert lines(32) == one
    assert lines(31) == ["if (worker < 31) {", *("    " + line for line in one), "}"]
