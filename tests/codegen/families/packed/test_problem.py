"""Products with packed weights as kernels see them, and which these are."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.packed.config import PackedConfig
from glassrt.codegen.families.packed.family import PackedFamily, packed_problem
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, U64, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.block_format import BlockFormat
from glassrt.dialects.graph.packed import PackedMatmul
from glassrt.dialects.graph.unary import Abs

from .packed_cases import packed_of, request_of, stated

FORM = BlockFormat(4, 128, 16, True)


def test_a_record_of_each_tile_comes_at_once() -> None:
    b = packed_of(FORM, 3, 100, 520).map(1, PackedConfig(8, 4, 4)).map
    walk = b.traversal
    assert b.operand == 1 and (b.dims, walk.box, walk.swizzle) == ((136, 5, 7), (136, 1, 4), "none")
    assert b.strides == (1088, 5440) and b.dtype == U64


def test_leading_dimensions_are_rows() -> None:
    block = Block([TensorType((4, 1, 64), F16), TensorType(FORM.shape(32, 64), U64)])
    y = block.append(PackedMatmul(*block.arguments, columns=32, accumulate=F32, **stated(FORM))).result
    block.append(Yield(y))
    found = packed_problem(Request(block, (y.type,), {}, {}, REFERENCE))
    assert not isinstance(found, str)
    assert found.problem.m == 4 and not found.problem.b_is_weight


def refusal(m: int, k: int, dtype: DType = F16, computed: bool = False) -> str:
    block = Block([TensorType((m, k), dtype), TensorType(FORM.shape(32, k), U64)])
    a, w = block.arguments
    rows = block.append(Abs(a)).result if computed else a
    y = block.append(PackedMatmul(rows, w, columns=32, accumulate=F32, **stated(FORM))).result
    block.append(Yield(y))
    found = packed_problem(Request(block, (y.type,), {}, {}, REFERENCE))
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (refusal(17, 64), "too many rows"),
        (refusal(2, 60), "multiples of 16 bytes"),
        (refusal(1, 61), "multiples of 16 bytes"),
        (refusal(1, 64, F32), "only rows of f16"),
        (refusal(1, 64, computed=True), "rows in memory"),
    ],
)
def test_other_products_are_refused(found: str, reason: str) -> None:
    assert reason in found


def test_bulk_copies_are_those_of_hopper() -> None:
    family = PackedFamily()
    assert family.propose(request_of(FORM, 1, 64, 256))
    assert not family.propose(request_of(FORM, 1, 64, 256, arch_named("sm_80")))
