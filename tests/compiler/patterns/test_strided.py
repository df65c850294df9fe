"""Types of parts of a buffer name the elements that numpy's views name."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.patterns.strided import access_bytes, part, reshaped, settled, traffic
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from hypothesis import given
from hypothesis import strategies as st

SIZES = {"N": 4}


def shown(type: TensorType, memory: np.ndarray[Any, Any], start: int = 0) -> np.ndarray[Any, Any]:
    steps = [int(stride) * memory.itemsize for stride in type.strides]
    at = memory[start + int(type.layout.offset) :]
    return np.lib.stride_tricks.as_strided(at, type.shape, steps)


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
layouts = st.sampled_from([ROW_MAJOR, "last"])


@given(shapes, layouts, st.data())
def test_a_part_is_what_slicing_gives(shape, layout, data):
    type = TensorType(tuple(shape), F32, channels_last(len(shape)) if layout == "last" else ROW_MAJOR)
    memory = np.arange(np.prod(shape), dtype=np.float32)
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    steps = [data.draw(st.integers(1, 2)) for _ in shape]
    counts = [
        (size - start + step - 1) // step for size, start, step in zip(shape, starts, steps, strict=True)
    ]
    cut = tuple(slice(start, None, step) for start, step in zip(starts, steps, strict=True))
    made = part(type, starts, counts, steps)
    assert np.array_equal(shown(made, memory), shown(type, memory)[cut])
    start, rest = settled(made, type.layout)
    assert start % 4 == 0
    assert np.array_equal(shown(rest, memory, start), shown(made, memory))


@given(shapes, st.data())
def test_a_reshape_without_a_copy_is_numpys(shape, data):
    whole = TensorType((*shape[:-1], shape[-1] + 2), F32)
    memory = np.arange(int(whole.elements), dtype=np.float32)
    type = part(whole, [0] * len(shape), shape)
    other = data.draw(st.permutations(shape)) if data.draw(st.booleans()) else [*shape, 1]
    if data.draw(st.booleans()):
        other = [int(np.prod(shape[:-1])), shape[-1]]
    made = reshaped(type, other)
    if made is not None:
        assert np.array_equal(shown(made, memory), shown(type, memory).reshape(other))
    elif len(shape) == 1:
        raise AssertionError("one dimension can always be split")


def test_a_symbolic_batch_of_rows_is_split_and_joined():
    n = symbol("N")
    queries = part(TensorType((n, 6, 96), F16), (0, 0, 32), (n, 6, 32))
    heads = reshaped(queries, (n, 6, 4, 8))
    assert str(heads) == "tensor<Nx6x4x8xf16, strided<[576, 96, 8, 1], 32>>"
    assert str(reshaped(queries, (6 * n, 32))) == "tensor<(6*N)x32xf16, strided<[96, 1], 32>>"
    assert reshaped(queries, (n, 192)) is None
    assert settled(queries) == (32, queries.with_layout(Layout((), queries.strides, 0)))


def test_a_part_of_the_batch_is_dense():
    images = TensorType((4, 8, 2, 2), F16, channels_last(4))
    start, type = settled(part(images, (1, 0, 0, 0), (2, 8, 2, 2)), images.layout)
    assert (start, str(type)) == (32, "tensor<2x8x2x2xf16, nhwc>")


def test_strides_say_in_which_order_dimensions_lie():
    n = symbol("N")
    images = TensorType((n, 64, 7, 7), F16, channels_last(4))
    assert part(images, (0, 8, 0, 0), (n, 16, 7, 7)).order == (0, 2, 3, 1)


def test_narrow_accesses_cost_more():
    whole = TensorType((symbol("N"), 8, 4, 64), F16)
    even, odd = (part(whole, (0, 0, 0, start), (symbol("N"), 8, 4, 32)) for start in (8, 9))
    assert (access_bytes(even, SIZES), access_bytes(odd, SIZES)) == (16, 2)
    assert traffic(odd, SIZES, REFERENCE) == 1.75 * traffic(even, SIZES, REFERENCE)
    assert traffic(even, SIZES, REFERENCE) == 2 * 4 * 8 * 4 * 32
