"""NonMaxSuppression: random boxes against ONNX Runtime, and the cases in which boxes are degenerate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.control import Loop

from .nodes import Array, Case, case, check, ints, label
from .texts import check as agrees

F32 = np.float32


def boxes(images: int, count: int, seed: int, *, centred: bool = False) -> Array:
    """Boxes of which many overlap; their corners are in any order."""
    generator = np.random.default_rng(seed)
    found = generator.uniform(0, 4, (images, count, 4))
    if centred:
        found[..., 2:] /= 2
    return np.round(found, 1).astype(F32)


def scores(images: int, classes: int, count: int, seed: int) -> Array:
    """Scores of which some are equal."""
    found = np.random.default_rng(seed).integers(0, 8, (images, classes, count))
    return (found / 8).astype(F32)


def suppression(
    images: int, classes: int, count: int, *more: Array | None, seed: int = 0, **options: Any
) -> Case:
    given = boxes(images, count, seed, centred=bool(options.get("center_point_box")))
    return case("NonMaxSuppression", 11, given, scores(images, classes, count, seed), *more, **options)


def number(value: float) -> Array:
    return np.array([value], F32)


MANY, LIMIT = ints(100), (2,)
NODES = [
    *[suppression(2, 3, 9, MANY, number(0.3), number(0.4), seed=s, constant=LIMIT) for s in range(3)],
    *[suppression(1, 2, 12, ints(3), number(o), seed=4, constant=LIMIT) for o in (0.0, 0.1, 0.5, 1.0)],
    suppression(1, 2, 12, ints(4), number(0.2), center_point_box=1, constant=LIMIT),
    suppression(1, 2, 6, ints(4), number(0.2)),
    suppression(1, 1, 6, MANY, constant=LIMIT),
    suppression(1, 1, 6, ints(0), number(0.5), constant=LIMIT),
    suppression(1, 1, 6),
    suppression(1, 1, 1, MANY, number(0.5), constant=LIMIT),
    suppression(1, 1, 6, MANY, number(0.5), number(2.0), constant=LIMIT),
    suppression(1, 1, 6, MANY, None, number(0.5), constant=LIMIT),
    suppression(1, 1, 0, MANY, number(0.5), constant=LIMIT),
    case(
        "NonMaxSuppression",
        11,
        np.array(
            [[[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1], [1, 1, 0, 0], [2, 2, 2, 2], [0, 0, 1, 0.5]]], F32
        ),
        np.array([[[0.5, 0.5, 0.9, 0.9, 0.1, -np.inf]]], F32),
        MANY,
        number(0.5),
        constant=LIMIT,
    ),
]


@pytest.mark.parametrize("given", NODES, ids=lambda given: label(given))
def test_agrees_with_onnxruntime(given: Case) -> None:
    check(given, 11)


def test_the_loop_ends_where_no_box_is_left() -> None:
    module = import_model(suppression(1, 1, 6, MANY, number(0.5), constant=LIMIT).model(11))
    (found,) = (op for op in module.walk() if isinstance(op, Loop))
    assert found.condition is not None and found.count == 6


@pytest.mark.parametrize("most", [-1, 0, 2, 50])
def test_a_limit_of_data_is_the_most_that_are_kept(most: int) -> None:
    text = """agraph (float[1,N,4] b, float[1,2,N] s, float[3] m) => (int64[K,3] y) <float o = {0.4}> {
      most = ReduceMax <keepdims = 0> (m) limit = Cast <to = 7> (most) y = NonMaxSuppression(b, s, limit, o)
    }"""
    given = {"b": boxes(1, 9, 1), "s": scores(1, 2, 9, 1), "m": np.array([-3, most, -2], F32)}
    agrees(text, given)
