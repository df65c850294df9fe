"""What bulk copies bring and take of two contractions, and where they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.chained.chain import find_chain, first_leaving, second_leaving
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast

from ...requests import request_for
from .chains import Case, chain_of

CASE = Case(200, 72, 128, 40)


def test_extents() -> None:
    chain = chain_of(CASE)
    assert not isinstance(chain, str)
    extents = chain.extents
    assert (extents.m, extents.k, extents.n, extents.columns) == (200, 72, 128, 40)
    assert (extents.panels, extents.block_n, extents.residual, extents.is_float) == (2, 64, True, True)
    bytes_ = chain_of(replace(CASE, k=80, columns=48, dtype=I8, residual=False))
    assert not isinstance(bytes_, str)
    assert (bytes_.extents.panels, bytes_.extents.a_bytes, bytes_.extents.residual) == (1, 1, False)


def test_chunks_of_either_result() -> None:
    chain = chain_of(CASE)
    assert not isinstance(chain, str)
    first = first_leaving(chain, 64)
    assert first.chunk == 64 and first.b.interleave == 16
    assert first.results.residual is not None and first.results.result.operand == 6
    # 40 columns are no multiple of the 16 that a thread would have of 64.
    half, b = chain.pair.second, chain.second_b
    second = second_leaving(half, b, 64, 128)
    assert second.chunk == 32 and second.b.interleave == 8 and second.results.result.operand == 7
    assert second_leaving(half, b, 64, 32).chunk == 16
    assert second.b.map(0, 64).traversal.box == (64, 16, 4)


def window(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    same = {"dilations": (1, 1), "groups": 1, "accumulate": F32}
    y = do(Cast(do(Conv(x, w, pads=(0,) * 4, strides=(1, 1), **same)), to=F16))
    y.type = y.type.with_layout(channels_last(4))
    z = do(Cast(do(Conv(y, v, pads=(1,) * 4, strides=(1, 1), **same)), to=F16))
    z.type = z.type.with_layout(channels_last(4))
    return y, z


def image(*shape: int) -> TensorType:
    return TensorType(shape, F16, channels_last(4))


def test_a_window_reads_what_other_tiles_result_in() -> None:
    found = find_chain(request_for(window, [image(2, 64, 8, 8), image(64, 64, 1, 1), image(64, 64, 3, 3)]))
    assert found == "it is no plain matrix product"


def across(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    y = do(Cast(do(Matmul(x, w, transpose_b=True, accumulate=F32)), to=F16))
    return y, do(Cast(do(Matmul(y, v, accumulate=F32)), to=F16))


def beside(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    y = do(Cast(do(Matmul(x, w, transpose_b=True, accumulate=F32)), to=F16))
    z = do(Matmul(y, v, transpose_b=True, accumulate=F32))
    return y, do(Cast(do(Add(z, do(Cast(x, to=F32)))), to=F16))


def twice(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    y = do(Cast(do(Matmul(x, w, transpose_b=True, accumulate=F32)), to=F16))
    z = do(Matmul(y, v, transpose_b=True, accumulate=F32))
    return y, do(Cast(do(Add(z, do(Cast(y, to=F32)))), to=F16))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (across, "do not lie along k"),
        (beside, "something is read beside the second"),
        (twice, "no pair of contractions"),
    ],
)
def test_what_is_no_chain(body: Any, reason: str) -> None:
    types = [TensorType(shape, F16) for shape in ((200, 64), (64, 64), (64, 64))]
    found = find_chain(request_for(body, types))
    assert isinstance(found, str) and reason in found


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"dtype": F32}, "wgmma has no"), ({"columns": 36}, "does not leave in bulk"), ({"k": 60}, "16 bytes")],
    ids=str,
)
def test_sizes_and_types_that_are_refused(changed: dict[str, Any], reason: str) -> None:
    found = chain_of(replace(CASE, **changed))
    assert isinstance(found, str) and reason in found


def test_columns_are_known() -> None:
    def body(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
        y = do(Cast(do(Matmul(x, w, transpose_b=True, accumulate=F32)), to=F16))
        return y, do(Cast(do(Matmul(y, v, transpose_b=True, accumulate=F32)), to=F16))

    shapes = ((200, 64), (128, 64), (symbol("N") * 8, 128))
    request = request_for(body, [TensorType(shape, F16) for shape in shapes], {"N": (1, 8, 8)})
    assert find_chain(request) == "its sizes are not known"
