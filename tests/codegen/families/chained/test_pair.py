"""Regions of two contractions, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from glassrt.codegen.families.chained.pair import find_pair
from glassrt.codegen.request.signature import make_signature
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast

from ...requests import request_for
from .chains import Case, module_of, request_of

TYPES = [TensorType(shape, F16) for shape in ((200, 64), (128, 64), (64, 128))]


def product(do: Any, a: Value, b: Value) -> Value:
    made: Value = do(Cast(do(Matmul(a, b, transpose_b=True, accumulate=F32)), to=F16))
    return made


def test_halves_name_what_the_pair_does() -> None:
    request = request_of(module_of(Case(200, 64, 128, 64)))
    pair = find_pair(request)
    assert pair is not None
    first, second = pair.first.request, pair.second.request
    assert (len(first.reads), len(second.reads)) == (len(request.reads), len(request.reads) + 1)
    assert first.writes == request.writes[:1] and second.writes == request.writes[1:]
    names = make_signature(request).inputs
    assert make_signature(first).inputs == names
    assert make_signature(second).inputs[: len(names)] == names
    # The first result comes behind the arguments, as it does among the buffers of the kernel.
    assert second.region.arguments.index(pair.second.contraction.root.inputs[0]) == len(names)
    assert len(first.ops) + len(second.ops) == len(request.ops)


def apart(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    return product(do, x, w), product(do, x, w)


def reversed_(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    first = product(do, x, w)
    return product(do, first, v), first


def one_result(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    return [product(do, product(do, x, w), v)]


def computed_between(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    first = product(do, x, w)
    return first, product(do, do(Add(first, first)), v)


def multiplied_by_itself(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    first = product(do, x, w)
    return first, product(do, first, first)


def alone(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
    first = product(do, x, w)
    return first, do(Add(first, first))


@pytest.mark.parametrize(
    "body", [apart, reversed_, one_result, computed_between, multiplied_by_itself, alone]
)
def test_other_regions_are_no_pairs(body: Any) -> None:
    assert find_pair(request_for(body, TYPES)) is None


def test_constants_may_be_of_both() -> None:
    def body(do: Any, x: Value, w: Value, v: Value) -> Sequence[Value]:
        first = product(do, x, w)
        return first, product(do, first, v)

    pair = find_pair(request_for(body, TYPES))
    assert pair is not None and pair.second.contraction.problem.n == 64
