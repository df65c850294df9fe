"""Epilogues: accumulators become results, operands are prefetched, and elements stay where they belong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from glassrt.codegen.emit.epilogue import Epilogue, emit_epilogue
from glassrt.codegen.emit.lanes import Lanes
from glassrt.codegen.emit.spaces import make_space
from glassrt.codegen.request.signature import make_signature
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose

from ..requests import request_for

MATRIX, BIAS = TensorType((32, 24), F32), TensorType((24,), F32)
ROWS, COLUMNS = make_space("m", "i", [(0, 32)]), make_space("n", "i", [(1, 24)])
INDEX = (symbol(ROWS.axes[0].symbol), symbol(COLUMNS.axes[0].symbol))
OPERANDS = (TensorType((32, 8), F32), TensorType((8, 24), F32))
Body = Callable[..., Sequence[Value]]


def emitted(body: Body, others: Sequence[TensorType] = (), lanes: int = 4, ahead: bool = False) -> Epilogue:
    """The epilogue of BODY, which gets `do`, the product, and arguments of the types OTHERS."""

    def whole(do: Any, a: Value, b: Value, *rest: Value) -> Sequence[Value]:
        return body(do, do(Matmul(a, b)), *rest)

    request = request_for(whole, [*OPERANDS, *others])
    root = request.ops[0]
    lanes_of_columns = Lanes(COLUMNS.axes[0].symbol, lanes)
    rows = ROWS if ahead else None
    accumulate, spaces = F32, (ROWS, COLUMNS)
    signature = make_signature(request)
    return emit_epilogue(request, signature, root, accumulate, INDEX, spaces, lanes_of_columns, {}, rows)


def test_accumulators_are_stored() -> None:
    found = emitted(lambda do, product: [product], lanes=1)
    assert found == Epilogue(("store(y0, m*24 + n, accumulator[0]);",), None, None)


def test_operands_are_loaded_where_they_are_used() -> None:
    found = emitted(lambda do, product, bias: [do(Relu(do(Add(product, bias))))], [BIAS])
    assert found.beside is None and found.along is None
    assert found.lines[0] == "const Vec<f32, 4> x2_1 = load_wide<4>(x2, n);"
    assert "    const f32 add_2 = accumulator[lane] + x2_1[lane];" in found.lines
    assert found.lines[-1].startswith("store_wide<4>(y0, m*24 + n, ")


def test_operands_are_prefetched_by_what_they_depend_on() -> None:
    def body(do: Any, product: Value, bias: Value, residual: Value) -> Sequence[Value]:
        return [do(Add(do(Add(product, bias)), residual))]

    found = emitted(body, [BIAS, MATRIX], ahead=True)
    assert found.along is not None and found.beside is not None
    assert found.along.reads == "along.x2_1 = load_wide<4>(x2, n);"
    assert found.beside.reads == "beside.x3_3 = load_wide<4>(x3, m*24 + n);"
    assert not any("load" in line for line in found.lines)
    assert "    const f32 add_2 = accumulator[lane] + along.x2_1[lane];" in found.lines


def test_several_results_share_what_they_have_in_common() -> None:
    def body(do: Any, product: Value, bias: Value) -> Sequence[Value]:
        total = do(Add(product, bias))
        return [total, do(Relu(total))]

    lines = emitted(body, [BIAS]).lines
    assert sum("accumulator" in line for line in lines) == 1
    assert [line.split(",")[0] for line in lines[-2:]] == ["store_wide<4>(y0", "store_wide<4>(y1"]


def test_accumulators_are_rounded_to_the_type_of_the_product() -> None:
    request = request_for(
        lambda do, a, b: [do(Matmul(a, b))],
        [TensorType((32, 8), F16), TensorType((8, 24), F16)],
    )
    lanes = Lanes(COLUMNS.axes[0].symbol, 1)
    signature, spaces = make_signature(request), (ROWS, COLUMNS)
    found = emit_epilogue(request, signature, request.ops[0], F32, INDEX, spaces, lanes, {})
    assert found.lines[0] == "const f16 cast1 = convert<f16>(accumulator[0]);"


def test_a_shuffle_moves_what_is_stored() -> None:
    def body(do: Any, product: Value) -> Sequence[Value]:
        split = do(Reshape(product, shape=[32, 6, 4]))
        return [do(Reshape(do(Transpose(split, perm=[0, 2, 1])), shape=[32, 24]))]

    (store,) = [line for line in emitted(body, lanes=1).lines if line.startswith("store")]
    place = store.removeprefix("store(y0, ").split(", accumulator")[0]
    for n in range(24):
        outer, inner = divmod(n, 4)
        assert eval(place.replace("/", "//"), {"m": 3, "n": n}) == 3 * 24 + inner * 6 + outer


def test_the_product_is_read_only_at_the_element_that_is_stored() -> None:
    with pytest.raises(ValueError, match="only at the element that it stores"):
        emitted(lambda do, product: [do(Transpose(product, perm=[1, 0]))], lanes=1)
