"""Parameters of a kernel: buffers, then symbols, in indices that are wide enough."""

from __future__ import annotations

import pytest
from glassrt.codegen.request.signature import index_type, make_signature, used_symbols
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise import Cast

from ..requests import request_for

N = symbol("S1")


def request(shape, most: int = 8, layout: Layout | None = None):
    type = TensorType(shape, F32, layout or Layout())
    return request_for(
        lambda do, x, y: [do(Cast(do(Add(x, y)), to=F16))],
        [type, type],
        {"S1": (1, 2, most), "S0": (1, 2, 3)},
    )


def test_buffers_come_first_and_symbols_by_name() -> None:
    found = make_signature(request((N, symbol("S0"))))
    assert found.inputs == ("x0", "x1") and found.outputs == ("y0",)
    assert found.symbols == {"S0": "s0", "S1": "s1"}
    assert found.parameters == "Input<f32> x0, Input<f32> x1, Output<f16> y0, const int s0, const int s1"
    made = request((N, 2))
    assert make_signature(made).buffers(made) == dict(zip(made.region.arguments, ("x0", "x1"), strict=True))


def test_only_symbols_that_occur_are_passed() -> None:
    assert used_symbols(request((N, 2))) == ["S1"] and used_symbols(request((4, 2))) == []
    strided = request((4, 2), layout=Layout(strides=(symbol("S0"), 1)))
    assert used_symbols(strided) == ["S0"]


@pytest.mark.parametrize(("shape", "wide"), [((2**31 - 2,), False), ((2**31 - 1,), True), ((N, 2**20), True)])
def test_indices_are_wide_where_an_offset_may_be(shape, wide: bool) -> None:
    assert index_type(request(shape, most=2**11)) == ("i64" if wide else "int")


def test_views_count_from_their_first_element() -> None:
    view = Layout(strides=(2**30, 1), offset=2**31)
    assert index_type(request((1, 4), layout=view)) == "i64"
    assert index_type(request((2, 4), layout=Layout(strides=(2**30, 1)))) == "int"
