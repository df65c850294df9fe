"""Columns: definitions against numpy, images from columns against a plain loop, and bad shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F16, F32, F64, I32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.columns import Col2Im, DeformColumns
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, tensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...codegen.one_kernel import compare, kernel_module

Array = np.ndarray[Any, Any]


def window(data: DataObject, rank: int) -> dict[str, list[int]]:
    def numbers(low: int, high: int, count: int) -> list[int]:
        return data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    return {
        "kernel": numbers(1, 2, rank),
        "strides": numbers(1, 2, rank),
        "dilations": numbers(1, 2, rank),
        "pads": numbers(0, 2, 2 * rank),
    }


@given(st.data())
@settings(max_examples=50)
def test_images_from_columns(data: DataObject) -> None:
    rank = data.draw(st.integers(1, 2))
    given = window(data, rank)
    image = [data.draw(st.integers(5, 6)) for _ in range(rank)]
    zipped = zip(image, given["kernel"], given["strides"], given["dilations"], strict=True)
    blocks = [
        (size + given["pads"][axis] + given["pads"][axis + rank] - d * (k - 1) - 1) // s + 1
        for axis, (size, k, s, d) in enumerate(zipped)
    ]
    shape = (1, 2 * int(np.prod(given["kernel"])), int(np.prod(blocks)))
    x = data.draw(tensors(data.draw(dtypes(F32, F64, F16, I32)), shape, special=False, limit=2))
    check_op(Col2Im, [x], image=image, **given)
    found = evaluated(build(Col2Im, [x], image=image, **given), [x])
    np.testing.assert_allclose(found.astype(float), looped(x, image, blocks, given), rtol=1e-2, atol=1e-2)


def looped(x: Array, image: list[int], blocks: list[int], given: dict[str, list[int]]) -> Array:
    """Every element of every column, added where it lies."""
    kernel, strides, dilations, pads = given.values()
    columns = x.astype(float).reshape(len(x), -1, *kernel, *blocks)
    y = np.zeros((*columns.shape[:2], *image))
    for tap in np.ndindex(*kernel):
        for block in np.ndindex(*blocks):
            at = [
                b * s + t * d - p for b, s, t, d, p in zip(block, strides, tap, dilations, pads, strict=False)
            ]
            if all(0 <= place < size for place, size in zip(at, image, strict=True)):
                y[(..., *at)] += columns[(..., *tap, *block)]
    return y


@given(st.data())
@settings(max_examples=8)
def test_columns_at_offsets(data: DataObject) -> None:
    given, groups = window(data, 2), data.draw(st.integers(1, 2))
    x = data.draw(tensors(F32, (1, 2, 4, 4), special=False))
    sizes = [
        (4 + given["pads"][axis] + given["pads"][axis + 2] - given["dilations"][axis] * (k - 1) - 1)
        // given["strides"][axis]
        + 1
        for axis, k in enumerate(given["kernel"])
    ]
    taps, draw = int(np.prod(given["kernel"])), np.random.default_rng(0)
    offset = draw.uniform(-2, 2, (1, groups * taps * 2, *sizes)).astype(np.float32)
    arrays = [x, offset]
    if data.draw(st.booleans()):
        arrays.append(draw.uniform(0, 1, (1, groups * taps, *sizes)).astype(np.float32))
    check_op(DeformColumns, arrays, groups=groups, **given)


def test_its_kernels() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(2, 4, 5, 6)).astype(np.float32)
    offset = draw.uniform(-2, 2, (2, 36, 3, 4)).astype(np.float32)
    types = [TensorType(array.shape, F32) for array in (x, offset)]
    module = kernel_module(lambda do, x, at: do(DeformColumns(x, at, kernel=[3, 3], groups=2)), types)
    [(got, want)] = compare(module, {"x0": x, "x1": offset})
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    given = {"kernel": [2, 3], "strides": [1, 2], "dilations": [2, 1], "pads": [1, 0, 1, 2]}
    columns = draw.normal(size=(2, 12, 15)).astype(np.float32)
    module = kernel_module(
        lambda do, x: do(Col2Im(x, image=[5, 5], **given)), [TensorType(columns.shape, F32)]
    )
    [(got, want)] = compare(module, {"x0": columns})
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


WINDOW = {"image": [4, 4], "kernel": [2, 2], "strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0]}


@pytest.mark.parametrize(
    ("op", "shapes", "given", "message"),
    [
        (Col2Im, [(1, 4, 9)], {"strides": [1]}, "strides .'1'. does not give 2"),
        (Col2Im, [(1, 4, 9)], {"pads": [1]}, "pads .1. does not give 4"),
        (Col2Im, [(4, 9)], {}, "the columns are"),
        (DeformColumns, [(1, 2, 5, 5), (1, 17, 3, 3)], {"kernel": [3, 3]}, "it needs .'1', '18'"),
        (DeformColumns, [(1, 2, 5), (1, 6, 3)], {"kernel": [3]}, "a batch of images"),
    ],
)
def test_bad_operands(op: Any, shapes: list[tuple[int, ...]], given: dict[str, Any], message: str) -> None:
    block = Block()
    attributes = {**WINDOW, **given} if op is Col2Im else given
    with pytest.raises(IRError, match=message):
        op(*[block.add_argument(TensorType(shape, F32)) for shape in shapes], **attributes)
