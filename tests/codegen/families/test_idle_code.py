"""What kernels do not hold: arithmetic that changes nothing, loops of one trip, numbers that are not read.

Of every family, under all configurations that it proposes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.codegen.text.render import render
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.block_format import BlockFormat
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast

from ..attention_cases import module_of
from ..contraction_cases import Case, conv, matmul
from ..idle import hidden, idle, short_loops, unread
from ..one_kernel import compare, draw_inputs, kernel_module
from ..prologue_cases import SYMBOLS as PROLOGUE_SYMBOLS
from .attention.checked import CASES as ATTENTION
from .attention.checked import SYMBOLS as ATTENTION_SYMBOLS
from .checked_kernels import LOOPS, SYMBOLS
from .contraction import test_spec
from .contraction.test_prologue import CASES as PROLOGUES
from .packed.packed_cases import product_module
from .test_loop_and_row import ROWS

SHAPES = {
    "one tile of k": matmul("f16", (40, 16), (16, 24)),
    "one tile of k in f32": matmul("f32", (40, 10), (10, 24)),
    "one column": matmul("f16", (400, 64), (64, 1)),
    "one column in f32": matmul("f32", (400, 640), (640, 1)),
    "one row": matmul("f16", (1, 1024), (1000, 1024), transpose_b=True),
    "few rows": matmul("f16", (16, 200), (70, 200), transpose_b=True),
    "large": matmul("f16", (2048, 4096), (4096, 4096)),
    "long": matmul("f16", (16, 8192), (8192, 64)),
    "long in f32": matmul("f32", (16, 8192), (8192, 64)),
    "depthwise": conv("f16", (1, 16, 9, 9), (16, 1, 3, 3), pad=1, groups=16),
    "depthwise along one axis": conv("f32", (1, 6, 9, 9), (6, 1, 1, 3), groups=6),
    "depthwise of one tap": conv("f32", (1, 5, 9, 9), (5, 1, 1, 1), stride=2, groups=5),
    "depthwise of one position": conv("f16", (1, 512, 3, 3), (512, 1, 3, 3), groups=512),
}
GOLDEN = sorted(Path(__file__).parent.rglob("golden/**/*.cu"))


def sources(module: Module) -> Iterator[tuple[Candidate, str]]:
    """Every candidate of every family for the kernels of MODULE, with its source."""
    asked: list[Request] = []

    def choose(request: Request) -> Candidate:
        asked.append(request)
        return candidates(request)[0]

    precision_to_launch(module, REFERENCE, choose)
    for request in asked:
        for family in families().values():
            for candidate in family.propose(request):
                code = family.realize(request, candidate.config)
                yield candidate, render(code.template, code.spec)


def check(module: Module) -> None:
    for made, text in sources(module):
        assert not idle(text) and not hidden(text), f"{made.family} with {made.config}"


@pytest.mark.parametrize("row", test_spec.ALL_ROWS, ids=lambda row: row.name)
def test_specs(row: test_spec.Row) -> None:
    # The epilogue of these cases is written by hand.
    above = row.kernel.source.split("accumulator[VECTOR]")[0]
    assert not idle(above)
    assert set(unread(row.kernel.source)) <= {"channel"}, "a prologue may ask for its channel"


def module_of_case(case: Case) -> Module:
    op: Any = case.op
    inputs = [operand.type for operand in op.operands]
    return kernel_module(lambda do, *operands: do(type(op)(*operands, **op.attributes)), inputs)


@pytest.mark.parametrize("name", SHAPES)
def test_contractions_of_any_shape(name: str) -> None:
    check(module_of_case(SHAPES[name]))


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
@pytest.mark.parametrize("name", PROLOGUES)
def test_prologues(name: str, dtype: Any) -> None:
    body, inputs, outputs, _ = PROLOGUES[name](dtype)
    check(kernel_module(body, inputs, outputs, PROLOGUE_SYMBOLS))


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
@pytest.mark.parametrize("name", ATTENTION)
def test_attention_kernels(name: str, dtype: Any) -> None:
    shape = replace(ATTENTION[name], dtype=dtype)
    check(module_of(shape, ATTENTION_SYMBOLS if name == "symbols" else None))


@pytest.mark.parametrize("name", [*LOOPS, *ROWS])
def test_loop_nests_and_rows(name: str) -> None:
    body, inputs, outputs = (LOOPS | ROWS)[name]
    check(kernel_module(body, inputs, outputs, SYMBOLS))


def residual(do: Any, x: Any, w: Any, bias: Any, other: Any) -> Any:
    """A product whose epilogue has operands of its own for each row, many rows to a thread."""
    y = do(Add(do(Matmul(x, w, transpose_b=True, accumulate=F32)), do(Cast(bias, to=F32))))
    return do(Cast(do(Add(y, do(Cast(other, to=F32)))), to=F16))


RESIDUAL = [TensorType(shape, F16) for shape in ((250, 384), (72, 384), (72,), (250, 72))]


def test_epilogue_operands() -> None:
    check(kernel_module(residual, RESIDUAL))


@pytest.mark.parametrize(
    ("form", "m"),
    [(BlockFormat(4, 32, 16, False), 1), (BlockFormat(8, 16, 32, True), 16)],
    ids=["one", "rows"],
)
def test_packed_weights(form: BlockFormat, m: int) -> None:
    check(product_module(form, m, 64, 1024))


@pytest.mark.parametrize("family", ["contraction_mma", "contraction_wgmma"])
def test_epilogue_operands_are_those_of_their_rows(family: str) -> None:
    """Under every third configuration, with more tiles of k than stages."""
    module = kernel_module(residual, RESIDUAL)
    inputs = draw_inputs(module, np.random.default_rng(3), {})
    offered: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        offered[:] = families()[family].propose(request)
        return offered[0]

    precision_to_launch(module, REFERENCE, choose)
    for candidate in offered[::3]:
        for got, want in compare(module, inputs, lambda _, own=candidate: own):  # type: ignore[misc]
            unit = np.spacing(np.maximum(np.abs(want), 16).astype(np.float16)).astype(np.float64)
            assert (np.abs(got.astype(np.float64) - want.astype(np.float64)) <= unit).all()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_kernels(path: Path) -> None:
    text = path.read_text()
    assert not short_loops(text) and not hidden(text)


def test_what_is_hidden() -> None:
    twice = "constexpr int AHEAD = 2;\nvoid k() {\n    constexpr int AHEAD = 4;\n}\n"
    assert hidden(twice) == ["AHEAD"]
    assert not hidden(twice.replace("void k", "}\nnamespace other {\nvoid k"))


def test_what_is_idle() -> None:
    lines = [
        "x * 1;",
        "y + 0;",
        "row * 0",
        "0 * BLOCK_M",
        "u32(inside) << 0",
        "constexpr int slot = 0;",
        "warp_id() % 1",
        "for (int i = 0; i < 1; i++) {",
    ]
    assert [line for line in lines if idle(line)] == lines
    fine = ["x * 16;", "y + 0x1p+0f;", "1.0f + 0.5f", "for (int p = 0; p < 8; p += 4) {"]
    assert not [line for line in fine if idle(line)]


CONSTANTS = """
constexpr int THREADS = 64, TILES = 1, VECTOR = 8, QUAD = VECTOR < 4 ? VECTOR : 4;
const int rows = (60 + THREADS - 1) / THREADS;
int k = 0;
"""


@pytest.mark.parametrize(
    "line",
    [
        "for (int i = 0; i < TILES; i++) {",
        "for (int i = 0; i < QUAD; i += QUAD) f(i);",
        "for (int i = 1; i < TILES + 1; ++i) {",
        "for (int tile = 0; tile < rows; tile++) {",
        "for (int item = thread_x(); item < 2 * 32; item += THREADS) {",
        "for (; k < TILES; k++) f(k);",
    ],
)
def test_loops_that_run_once(line: str) -> None:
    assert short_loops(CONSTANTS + line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "for (int i = 0; i < VECTOR; i += QUAD) {",
        "for (int i = 0; i < count; i++) {",
        "for (int item = thread_x(); item < 2 * THREADS; item += THREADS) {",
        "for (; k < 2; k++) f(k);",
        "for (; k < count; k++) f(k);",
    ],
)
def test_loops_that_may_run_more_often(line: str) -> None:
    assert not short_loops(CONSTANTS + line)


def test_a_later_loop_goes_on_where_the_first_one_ended() -> None:
    loops = ["for (; k < 3; k++) f(k);", "for (; k < 4; k++) g(k);"]
    assert short_loops(CONSTANTS + "\n".join(loops)) == loops[1:]
