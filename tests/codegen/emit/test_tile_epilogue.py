"""Epilogues of tiles: pairs at a place in shared memory, and regions that need more than their own tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from glassrt.codegen.emit.spaces import make_space
from glassrt.codegen.emit.tile_epilogue import TileEpilogue, emit_tile_epilogue
from glassrt.codegen.request.signature import make_signature
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Transpose

from ..requests import request_for

MATRIX, BIAS, SCALARS = TensorType((32, 24), F32), TensorType((24,), F32), TensorType((32, 1), F32)
SQUARE = TensorType((32, 32), F32)
ROWS, COLUMNS = make_space("m", "i", [(0, 32)]), make_space("n", "i", [(1, 24)])
INDEX = (symbol(ROWS.axes[0].symbol), symbol(COLUMNS.axes[0].symbol))
Body = Callable[..., Sequence[Value]]


def emitted(body: Body, others: Sequence[TensorType] = (), columns: int = 24) -> TileEpilogue | None:
    """The epilogue of BODY, which gets `do`, the product, and arguments of the types OTHERS."""

    def whole(do: Any, a: Value, b: Value, *rest: Value) -> Sequence[Value]:
        return body(do, do(Matmul(a, b)), *rest)

    operands = (TensorType((32, 8), F32), TensorType((8, columns), F32))
    request = request_for(whole, [*operands, *others])
    spaces = (ROWS, make_space("n", "i", [(1, columns)]))
    return emit_tile_epilogue(request, make_signature(request), request.ops[0], F32, INDEX, spaces)


def add(do: Any, product: Value, *others: Value) -> Sequence[Value]:
    for other in others:
        product = do(Add(product, other))
    return [do(Relu(product))]


def test_a_pair_is_put_at_its_place() -> None:
    found = emitted(lambda do, product: [do(Cast(product, to=F16))])
    assert found is not None and found.operand is None and found.along is None
    assert found.lines[0] == "Vec<f16, 2> place_2;"
    assert found.lines[-1] == "store_shared(place, place_2);"


def test_a_residual_is_what_lies_beside_it_already() -> None:
    found = emitted(add, [BIAS, MATRIX])
    assert found is not None and found.operand is not None and found.operand.type == MATRIX
    assert found.along is not None and found.along.reads == "along.x2_1 = load_wide<2>(x2, n);"
    assert any("beside[lane]" in line for line in found.lines)
    assert not any("load" in line for line in found.lines)


@pytest.mark.parametrize(
    ("others", "columns"),
    [([MATRIX, MATRIX], 24), ([SCALARS], 24), ([SQUARE], 32)],
    ids=["two residuals", "a number a row", "other elements"],
)
def test_what_needs_more_than_its_tile_is_not_emitted(others: list[TensorType], columns: int) -> None:
    def body(do: Any, product: Value, *rest: Value) -> Sequence[Value]:
        moved = [do(Transpose(each, perm=(1, 0))) if each.type == SQUARE else each for each in rest]
        return add(do, product, *moved)

    assert emitted(body, others, columns) is None


def test_several_results_are_not_emitted() -> None:
    assert emitted(lambda do, product: [product, do(Relu(product))]) is None
