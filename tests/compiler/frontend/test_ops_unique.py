"""Unique: elements and slices against ONNX Runtime, in both orders, with all outputs."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret

from .nodes import Array, Case, case, check, expanded, label, real
from .test_ops_selection import few, flags
from .texts import check as agrees

F32 = np.float32
NAN, INF = float("nan"), float("inf")

NODES = [
    *[
        case("Unique", 11, x, sorted=order, outputs=4)
        for order in (0, 1)
        for x in (few(7), few(3, 4), few(9, dtype=np.int64), few(5, dtype=np.int8), real(1), np.zeros(0, F32))
    ],
    *[
        case("Unique", 11, few(*shape, seed=seed), axis=axis, sorted=order, outputs=4)
        for order in (0, 1)
        for seed, (shape, axis) in enumerate([((6, 2), 0), ((2, 7), 1), ((2, 5, 2), -2), ((4, 1, 2), 0)])
    ],
    case("Unique", 11, few(6), outputs=1),
    case("Unique", 11, few(4, 3), axis=0, outputs=1),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int = 13) -> list[Array]:
    return list(interpret(import_model(given.model(opset).SerializeToString()), given.inputs).values())


def test_bools_and_narrow_floats_are_told_apart() -> None:
    """What ONNX Runtime has no kernel for, against numpy."""
    for x in (flags(1, 0, 1), few(6).astype(np.float16), few(6, dtype=np.uint64)):
        wanted = np.unique(x.astype(F32), return_index=True, return_inverse=True, return_counts=True)
        for have, want in zip(ours(case("Unique", 16, x, outputs=4), 16), wanted, strict=True):
            np.testing.assert_array_equal(have.astype(F32), want)


@pytest.mark.parametrize("ordered", [0, 1])
def test_inverse_indices_read_what_is_unique(ordered: int) -> None:
    text = """agraph (float[N] x) => (float[N] y, int64[N] often) {
      unlike, first, inverse, counts = Unique <sorted = ORDERED> (x)
      y = Gather(unlike, inverse) often = Gather(counts, inverse)
    }"""
    found = [np.array(numbers, np.float32) for numbers in ([3, 1, 3, 0, 1], [2], [])]
    agrees(text.replace("ORDERED", str(ordered)), *({"x": x} for x in found))


@pytest.mark.parametrize("axis", [None, 0])
def test_nan_is_the_largest_number_and_equal_to_itself(axis: int | None) -> None:
    """The standard says nothing; numpy does so."""
    x = np.array([NAN, 1, INF, NAN, -INF, 1], F32)
    x = x if axis is None else np.stack([x, np.zeros(6, F32)], 1)
    options = {} if axis is None else {"axis": axis}
    values, indices, inverse, counts = ours(case("Unique", 11, x, outputs=4, **options))
    first = values if axis is None else values[:, 0]
    np.testing.assert_array_equal(first, np.array([-INF, 1, INF, NAN], F32))
    assert [indices.tolist(), inverse.tolist(), counts.tolist()] == [
        [4, 1, 2, 0],
        [3, 1, 2, 3, 0, 1],
        [1, 2, 1, 2],
    ]
