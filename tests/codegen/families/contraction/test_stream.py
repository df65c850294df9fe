"""Problems of contractions that load their first operand from another buffer."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.families.contraction.axes import BatchAxis, RowAxis
from glassrt.codegen.families.contraction.implicit_gemm import problem_of
from glassrt.codegen.families.contraction.problem import Problem
from glassrt.codegen.families.contraction.prologue import Prologue, read_prologue
from glassrt.codegen.families.contraction.stream import Sizes, streamed_problem
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I64, U8
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather

from ...requests import request_for

N = symbol("N")
SIZES = {"N": (1, 4, 9)}
WEIGHTS = TensorType((40, 24), F16)


def streamed(body: Any, *types: TensorType, sizes: Sizes = SIZES) -> tuple[Operation, Problem | None]:
    """The last op of BODY, a contraction, and its problem with the prologue that it has."""
    root = request_for(body, types, sizes).ops[-1]
    prologue = read_prologue(root)
    assert isinstance(prologue, Prologue)
    return root, streamed_problem(root, prologue, sizes, b_is_weight=True)


def test_nothing_is_streamed_but_the_operand_itself() -> None:
    operand = TensorType((N, 40), F16)
    root, found = streamed(lambda do, x, w: [do(Matmul(x, w))], operand, WEIGHTS)
    assert found is not None and found == problem_of(root, SIZES, b_is_weight=True)
    assert not found.a_computed and found.a_picked == () and found.b_is_weight


def test_elements_are_loaded_in_the_type_and_the_strides_of_the_buffer() -> None:
    table = TensorType((N, 40), U8, Layout((), (64, 1), 16))
    _, found = streamed(lambda do, x, w: [do(Matmul(do(Cast(x, to=F16)), w))], table, WEIGHTS)
    assert found is not None and found.a_computed
    assert (found.a, found.a_stored, found.rows) == (F16, U8, (RowAxis(N, 64),))
    assert (found.a_offset, found.a_vector) == (16, 8)


def test_the_origin_of_a_gathered_row_comes_from_its_index() -> None:
    table, indices = TensorType((7, 40), F16, Layout((), (64, 1), 32)), TensorType((N,), I64)
    _, found = streamed(lambda do, x, i, w: [do(Matmul(do(Gather(x, i)), w))], table, indices, WEIGHTS)
    assert found is not None and not found.a_computed and not found.wide
    assert (found.rows, found.a_offset, found.a_k_step) == ((RowAxis(N, 0),), 0, 1)
    assert found.a_picked == (32, 64) and found.a_vector == 8


def test_gathered_rows_of_a_batch() -> None:
    table, indices = TensorType((3, 7, 40), F16), TensorType((N,), I64)
    weights = TensorType((3, 40, 24), F16)
    _, found = streamed(
        lambda do, x, i, w: [do(Matmul(do(Gather(x, i, axis=1)), w))], table, indices, weights
    )
    assert found is not None
    assert found.batch == (BatchAxis(3, 0, 40 * 24),) and found.a_picked == (0, 7 * 40, 40)


def test_a_table_that_needs_long_offsets_is_noticed() -> None:
    table, indices = TensorType((1 << 27, 40), F16), TensorType((N,), I64)
    _, found = streamed(lambda do, x, i, w: [do(Matmul(do(Gather(x, i)), w))], table, indices, WEIGHTS)
    assert found is not None and found.wide


def test_layouts_without_a_kernel_stay_without_one() -> None:
    x, w = TensorType((2, 6, 5, 5), F16), TensorType((4, 6, 3, 3), F32)
    _, found = streamed(lambda do, a, b: [do(Conv(do(Cast(a, to=F32)), b))], x, w)
    assert found is None
