"""Threads that take several adjacent elements of a row at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8, I64
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.graph.softmax import Softmax

from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from .reductions import SYMBOLS

INDICES = TensorType((5, 3), I64)
HALF, SCALE = TensorType((5, 3, 96), F16), TensorType((96,), F16)


def norm(do: Callable[..., Any], x: Any, scale: Any, bias: Any) -> Any:
    wide = (do(Cast(each, to=F32)) for each in (x, scale, bias))
    return do(Cast(do(LayerNorm(*wide, axis=2, epsilon=1e-5)), to=F16))


def widest(request: Request) -> Candidate:
    """The candidate with the longest vectors, of the fewest threads a row."""
    return max(candidates(request), key=lambda it: (it.config.get("vector", 1), -int(it.config["workers"])))


def looked_up(
    do: Callable[..., Any], table: Any, at: Any, places: Any, first: Any, scale: Any, bias: Any
) -> Any:
    rows = do(Cast(do(Gather(table, at)), to=F32))
    return norm(do, do(Add(rows, do(Cast(do(Gather(places, first)), to=F32)))), scale, bias)


BODIES: dict[str, tuple[Callable[..., Any], list[TensorType], int]] = {
    "layer norm": (norm, [HALF, SCALE, SCALE], 8),
    "rows that are looked up": (
        looked_up,
        [TensorType((7, 96), F16), INDICES, TensorType((9, 96), F16), TensorType((1, 3), I64), SCALE, SCALE],
        8,
    ),
    "softmax": (lambda do, x: do(Softmax(x, axis=1)), [TensorType((7, 520), F32)], 4),
    "f32 of f16": (
        lambda do, x: do(Reduce(do(Cast(x, to=F32)), kind="mean", axes=[1], keepdims=True)),
        [TensorType((9, 1000), F16)],
        8,
    ),
    "arg of bytes": (
        lambda do, x: do(ArgReduce(x, kind="max", axis=1, keepdims=True, select_last=False)),
        [TensorType((6, 80), I8)],
        16,
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_vectors_give_what_the_interpreter_gives(name: str) -> None:
    body, types, vector = BODIES[name]
    module = kernel_module(body, types, None, SYMBOLS)
    assert f"vector = {vector}" in plan_of(module, widest).ir("launch")
    inputs = draw_inputs(module, np.random.default_rng(5))
    for have, want in compare(module, inputs, widest):
        tolerance = {"f": 2e-3 if have.dtype == np.float16 else 2e-6}.get(have.dtype.kind, 0)
        np.testing.assert_allclose(have.astype(np.float64), want.astype(np.float64), tolerance, tolerance)


def test_rows_are_found_before_axes_of_one_element() -> None:
    """The mean of every channel, whose result ends in axes of one element: threads have adjacent channels."""

    def mean(do: Callable[..., Any], x: Any) -> Any:
        wide = do(Cast(x, to=F32))
        return do(Cast(do(Reduce(wide, kind="mean", axes=[2, 3], keepdims=True)), to=F16))

    found: list[Candidate] = []
    image = TensorType((64, 2048, 7, 7), F16, channels_last(4))
    plan_of(kernel_module(mean, [image]), lambda request: found.append(candidates(request)[0]) or found[0])
    assert found[-1].config["lanes"] == 8


@pytest.mark.parametrize("shape", [(64, 300), (64, 301), (64, symbol("L"))])
def test_rows_that_are_no_whole_vectors_have_none(shape: tuple[Any, ...]) -> None:
    found: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        found.extend(candidates(request))
        return found[0]

    plan_of(
        kernel_module(lambda do, x: do(Softmax(x, axis=1)), [TensorType(shape, F16)], None, SYMBOLS), choose
    )
    wide = [it for it in found if "vector" in it.config]
    assert all(shape[1] == 300 and it.config["vector"] == 4 for it in wide) and bool(wide) == (
        shape[1] == 300
    )
