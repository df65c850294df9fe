"""Rows of the table in kernels of a special form: shared rows, packed windows, vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, I8, DType
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import ArgReduce, Cumsum, Reduce
from glassrt.errors import KernelError

from ..codegen.one_kernel import compare, kernel_module, plan_of
from ..models import Array
from .row import INF, NAN
from .test_rows import assert_same

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
LENGTH = 2048

KINDS = ("max", "min", "argmax", "argmin", "sum", "mean")
# The elements that differ from the first number, by place; then what each of KINDS gives.
LONG: tuple[tuple[float, dict[int, float], tuple[float, ...]], ...] = (
    (-1.0, {1500: NAN}, (NAN, NAN, 1500, 1500, NAN, NAN)),
    (-1.0, {3: NAN, 2000: NAN}, (NAN, NAN, 3, 3, NAN, NAN)),
    (-0.0, {700: 0.0}, (0.0, -0.0, 0, 0, 0.0, 0.0)),
    (0.0, {2047: -0.0}, (0.0, -0.0, 0, 0, 0.0, 0.0)),
    (-0.0, {}, (-0.0, -0.0, 0, 0, 0.0, 0.0)),
    (-INF, {}, (-INF, -INF, 0, 0, -INF, -INF)),
    (INF, {9: -INF}, (INF, -INF, 0, 9, NAN, NAN)),
)


def long_rows(dtype: DType) -> tuple[Array, dict[str, Array]]:
    """The rows of LONG, and one whose sum overflows, with what each of KINDS gives for them."""
    big = float(np.finfo(dtype.numpy).max)
    rows = (*LONG, (big, {}, (big, big, 0, 0, INF, INF)))
    x = np.array([np.full(LENGTH, value) for value, _, _ in rows], dtype.numpy)
    for row, (_, places, _) in zip(x, rows, strict=True):
        row[list(places)] = list(places.values())
    columns = zip(*(gives for _, _, gives in rows), strict=True)
    types = [np.int64 if kind.startswith("arg") else dtype.numpy for kind in KINDS]
    return x, {k: np.array(c, t) for k, c, t in zip(KINDS, columns, types, strict=True)}


def over_rows(**changes: int) -> Callable[[Request], Candidate]:
    """The row family with CHANGES to its configuration, whatever that costs."""

    def choose(request: Request) -> Candidate:
        return Candidate("row", families()["row"].propose(request)[0].config | changes, 0.0)

    return choose


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize(
    "config",
    [{"rows": 8, "workers": 8}, {"rows": 1, "workers": 128}, {"rows": 2, "workers": 32, "splits": 7}],
    ids=["a few threads", "a block", "several blocks"],
)
def test_rows_that_threads_and_blocks_share(config: dict[str, int], dtype: DType, device: str) -> None:
    x, expected = long_rows(dtype)

    def body(do: Callable[..., Any], x: Any) -> tuple[Any, ...]:
        made = []
        for kind in KINDS:
            if kind.startswith("arg"):
                made.append(do(ArgReduce(x, kind=kind[3:], axis=1, keepdims=False)))
            else:
                made.append(do(Reduce(x, kind=kind, axes=[1], keepdims=False)))
        return tuple(made)

    module = kernel_module(body, [TensorType(x.shape, dtype)])
    with np.errstate(all="ignore"):
        found = compare(module, {"x0": x}, over_rows(**config), device)
    for kind, (got, interpreted) in zip(KINDS, found, strict=True):
        assert_same(got, expected[kind])
        assert_same(interpreted, expected[kind])


def over_lanes(count: int) -> Callable[[Request], Candidate]:
    """COUNT elements a thread, but for copies of operands."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        return Candidate("loop", {"lanes": count, "threads": 256}, 0.0)

    return choose


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [F16, BF16, I8], ids=str)
def test_windows_of_packed_words(dtype: DType, device: str) -> None:
    """Along the channels each lane has another window of two: NaN, zeros, infinities, the padding."""
    windows = [(NAN, 1), (1, NAN), (-0.0, 0), (0, -0.0), (-0.0, -0.0), (-INF, -INF), (-INF, 1), (INF, NAN)]
    gives = [NAN, NAN, 0, 0, -0.0, -INF, 1, NAN]
    if dtype == I8:
        windows = [(-128, -128), (127, -1), (-1, 127), (0, -128), (1, 2), (2, 1), (-2, -1), (-128, 127)]
        gives = [-128, 127, 127, 0, 2, 2, -1, 127]
    x = np.array(windows, np.float32).astype(dtype.numpy).reshape(1, 8, 1, 2)
    padding = np.array([first for first, _ in windows], np.float32), np.array([last for _, last in windows])
    expected = np.stack([padding[0], np.array(gives), padding[1]], axis=-1).astype(np.float32)
    type = TensorType(x.shape, dtype, channels_last(4))

    def body(do: Callable[..., Any], x: Any) -> Any:
        return do(MaxPool(x, kernel=[1, 2], strides=[1, 1], pads=[0, 1, 0, 1], dilations=[1, 1]))

    module = kernel_module(body, [type], [TensorType((1, 8, 1, 3), dtype, channels_last(4))])
    lanes = over_lanes(8)
    assert any("max_all(" in source for source in plan_of(module, lanes).sources.values())
    ((got, interpreted),) = compare(module, {"x0": x}, lanes, device)
    for result in (got, interpreted):
        assert_same(result, expected.astype(dtype.numpy)[None, :, None])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("last", [True, False])
def test_running_sums_of_vectors(last: bool, reverse: bool, exclusive: bool, device: str) -> None:
    """Neighbours along the axis add up different numbers of elements, and so share no loop."""
    x = np.random.default_rng(1).integers(-9, 9, (8, 64)).astype(np.float32)
    axis = int(last)

    def body(do: Callable[..., Any], x: Any) -> Any:
        return do(Cumsum(x, axis=axis, exclusive=exclusive, reverse=reverse))

    module = kernel_module(body, [TensorType(x.shape, F32)])
    if last:
        with pytest.raises(KernelError, match="one number of elements in all lanes"):
            plan_of(module, over_lanes(4))
    ((got, interpreted),) = compare(module, {"x0": x}, over_lanes(1 if last else 4), device)
    ordered = np.flip(x, axis) if reverse else x
    sums = np.cumsum(ordered, axis) - (ordered if exclusive else 0)
    for result in (got, interpreted):
        np.testing.assert_array_equal(result, np.flip(sums, axis) if reverse else sums)


def test_large_running_sums_are_one_element_a_thread() -> None:
    """Where the cost model would take vectors."""
    rows = 4096

    def body(do: Callable[..., Any], x: Any) -> Any:
        return do(Cumsum(x, axis=1))

    module = kernel_module(body, [TensorType((rows, 64), F32)])
    x = np.random.default_rng(2).integers(-9, 9, (rows, 64)).astype(np.float32)
    ((got, _),) = compare(module, {"x0": x})
    np.testing.assert_array_equal(got, np.cumsum(x, 1))
