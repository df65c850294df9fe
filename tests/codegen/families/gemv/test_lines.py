"""Lines of operands that bulk copies bring to products of few rows."""

from __future__ import annotations

from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.gemv.lines import lines_of, maps
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.contraction import Matmul

from ...contraction_cases import case_of, matmul, product


def test_a_map_has_a_box_of_a_step_for_the_rows_and_columns_of_a_block() -> None:
    lines = lines_of(product(5, 4096, 1024))
    assert lines is not None
    a, b = (own.map for own in maps(lines, [0, 1], GemvConfig(8, 4, 4, stages=2)))
    assert (a.operand, a.dims, a.strides, a.traversal.box) == (0, (1024, 5), (2048,), (64, 8))
    assert (b.operand, b.dims, b.strides, b.traversal.box) == (1, (1024, 4096), (2048,), (64, 64))
    assert a.traversal.swizzle == b.traversal.swizzle == "128B"


def test_a_batch_has_a_dimension_of_its_own() -> None:
    lines = lines_of(matmul("f16", (3, 2, 72), (3, 20, 72), transpose_b=True).problem)
    assert lines is not None and [len(own.dims) for own in lines] == [3, 3]


def test_a_slice_of_longer_rows_begins_within_them() -> None:
    layout = Layout((0, 1), strides=(96, 1), offset=16)
    operands = (TensorType((4, 72), F16, layout), TensorType((40, 72), F16))
    lines = lines_of(case_of(Matmul, operands, "f16", transpose_a=False, transpose_b=True).problem)
    assert lines is not None and lines[0].first == 16 and lines[0].dims == (88, 4)


def test_steps_that_are_not_known_are_not_brought() -> None:
    k = symbol("K") * 8
    assert lines_of(matmul("f16", (4, k), (40, k), transpose_b=True, sizes={"K": 9}).problem) is None
