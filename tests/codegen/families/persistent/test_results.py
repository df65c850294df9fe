"""Results that leave by bulk stores: their maps, and where threads have to store them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from glassrt.codegen.families.contraction.binding import find_contraction
from glassrt.codegen.families.persistent.results import BulkResults, bulk_results
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, F64, I8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast

from ...requests import request_for


def results(
    m: Any, n: int, *, result: DType = F16, residual: DType | None = None, layout: Layout | None = None
) -> BulkResults | None:
    """The results of a product of M rows and N columns, with a residual if it has a type."""

    def body(do: Any, a: Value, b: Value, *others: Value) -> Sequence[Value]:
        y = do(Matmul(a, b, transpose_b=True, accumulate=F32))
        for other in others:
            y = do(Add(y, do(Cast(other, to=F32))))
        y = do(Cast(y, to=result))
        if layout is not None:
            y.type = y.type.with_layout(layout)
        return [y]

    types = [TensorType((m, 64), F16), TensorType((n, 64), F16)]
    request = request_for(body, types + ([TensorType((m, n), residual)] if residual else []))
    contraction = find_contraction(request)
    assert contraction is not None
    return bulk_results(request, contraction)


def test_rows_of_a_result() -> None:
    found = results(300, 200)
    assert found is not None and found.residual is None
    (own,) = found.maps(128)
    assert (own.name, own.map.operand, own.map.dims, own.map.strides) == ("result_map", 2, (200, 300), (400,))
    assert own.map.traversal.box == (64, 64) and own.map.traversal.swizzle == "128B"


@pytest.mark.parametrize(
    ("result", "n", "block_n", "columns"),
    [
        (I8, 24, 32, 32),
        (I8, 24, 64, 32),
        (I8, 144, 128, 64),
        (I8, 160, 128, 128),
        (F16, 200, 128, 64),  # pairs
        (F16, 208, 128, 64),
    ],
)
def test_chunks_are_finished_in_whole_runs(result: DType, n: int, block_n: int, columns: int) -> None:
    pitch = -(-n // 16) * 16
    found = results(300, n, layout=Layout((), (pitch, 1)), result=result)
    assert found is not None and found.chunk(block_n) == columns


def test_a_residual_has_a_map_of_its_own() -> None:
    found = results(300, 200, residual=F16)
    assert found is not None
    names = [(own.name, own.map.operand) for own in found.maps(128)]
    assert names == [("result_map", 3), ("residual_map", 2)]


@pytest.mark.parametrize(
    ("result", "block_n", "columns", "swizzle"),
    [
        (F16, 128, 64, "128B"),
        (F16, 96, 32, "64B"),
        (I8, 256, 128, "128B"),
        (I8, 192, 64, "64B"),
        (I8, 96, 32, "32B"),
    ],
)
def test_chunks_divide_the_tile(result: DType, block_n: int, columns: int, swizzle: str) -> None:
    found = results(300, 192, result=result)
    assert found is not None and found.chunk(block_n) == columns
    traversal = found.maps(block_n)[0].map.traversal
    assert traversal.box == (columns, 64) and traversal.swizzle == swizzle


def test_a_part_of_longer_rows_begins_where_it_lies() -> None:
    found = results(300, 64, layout=Layout((0, 1), strides=(256, 1), offset=128))
    assert found is not None and found.result.first == 128
    assert found.result.dims == (192, 300) and found.result.strides == (512,)


def test_symbolic_rows() -> None:
    found = results(symbol("M"), 64)
    assert found is not None and found.result.dims == (64, symbol("M"))


@pytest.mark.parametrize(
    "given",
    [
        {"n": 100},  # rows of 200 bytes
        {"result": F64},
        {"result": I8, "residual": F16},  # a result does not fit where its residual was
        {"layout": Layout((1, 0))},
        {"layout": Layout((0, 1), strides=(64, 1), offset=32)},  # reaches into the next row
        {"layout": Layout((0, 1), strides=(256, 1), offset=36)},  # begins within 16 bytes
    ],
    ids=["pitch", "wide", "residual", "order", "slice", "offset"],
)
def test_what_threads_store(given: dict[str, Any]) -> None:
    assert results(**{"m": 300, "n": 64, **given}) is None


def test_pixels_of_a_convolution_are_rows() -> None:
    def body(do: Any, x: Value, w: Value) -> Sequence[Value]:
        y = do(Conv(x, w, pads=(1,) * 4, strides=(1, 1), dilations=(1, 1), groups=1, accumulate=F32))
        y = do(Cast(y, to=F16))
        y.type = y.type.with_layout(channels_last(4))
        return [y]

    layout = channels_last(4)
    request = request_for(
        body, [TensorType((2, 64, 9, 7), F16, layout), TensorType((72, 64, 3, 3), F16, layout)]
    )
    contraction = find_contraction(request)
    assert contraction is not None
    found = bulk_results(request, contraction)
    assert found is not None and found.result.dims == (72, 126) and found.result.strides == (144,)
