"""Kernels that only join or cut: numpy, moved by the pieces, gives what the kernel gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.memory.views.pure_movement import SourceSlice, concat_pieces, other_work, result_slices
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Operation, Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.slicing import Slice
from hypothesis import given
from hypothesis import strategies as st

from .by_hand import Kernels, kernel_of

Array = np.ndarray[Any, Any]
Do = Callable[[Operation], Value]
A, B = np.arange(24.0, dtype=np.float32).reshape(4, 6), 100 + np.arange(12.0, dtype=np.float32).reshape(4, 3)


def made(body: Callable[..., tuple[Value, ...]]) -> tuple[Kernels, tuple[Value, ...]]:
    """A net with a kernel of BODY on tensors of the shapes of A and B."""
    net = Kernels()
    operands = net.input("a", 4, 6), net.input("b", 4, 3)
    return net, net.kernel(body, *operands)


def cut(array: Array, slice_: SourceSlice, shape: tuple[Any, ...]) -> Array:
    places = [
        start + step * np.arange(size)
        for start, step, size in zip(slice_.starts, slice_.steps, shape, strict=True)
    ]
    return array[np.ix_(*places)]


@st.composite
def joins(draw: st.DrawFn) -> Callable[..., tuple[Value, ...]]:
    """A tree of concats of operands, slices of these, and casts that change nothing."""
    axis = draw(st.sampled_from([1, -1]))

    def body(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
        def part(depth: int) -> Value:
            kinds = ["operand", "slice", "cast"] + (["concat"] if depth else [])
            match draw(st.sampled_from(kinds)):
                case "slice":
                    x = draw(st.sampled_from([a, b]))
                    most = int(str(x.type.shape[1]))
                    step = draw(st.integers(1, 2))
                    start = draw(st.integers(0, most - 1))
                    size = draw(st.integers(1, (most - start - 1) // step + 1))
                    return do(Slice(x, starts=[0, start], sizes=[4, size], steps=[1, step]))
                case "cast":
                    return do(Cast(part(0), to=F32))
                case "concat":
                    return do(Concat(part(depth - 1), part(depth - 1), axis=axis))
            return draw(st.sampled_from([a, b]))

        return (do(Concat(part(2), part(2), axis=axis)),)

    return body


@given(joins())
def test_pieces_are_the_concat(body: Callable[..., tuple[Value, ...]]) -> None:
    net, (joined,) = made(body)
    pieces = concat_pieces(kernel_of(joined))
    assert pieces is not None
    inputs = dict(zip(net.function.inputs, (A, B), strict=True))
    arrays = dict(zip(net.function.block.arguments, (A, B), strict=True))
    have = np.full(tuple(map(int, map(str, joined.type.shape))), np.nan, np.float32)
    for piece in pieces:
        source = arrays[piece.source]
        values = source if piece.cut is None else cut(source, piece.cut, piece.shape)
        place = tuple(
            slice(start, start + size) for start, size in zip(piece.starts, piece.shape, strict=True)
        )
        assert np.isnan(have[place]).all()
        have[place] = values
    np.testing.assert_array_equal(have, interpret(net.done(joined), inputs)["y"])


@pytest.mark.parametrize("step", [1, 2, -1])
def test_slices_are_the_results(step: int) -> None:
    start = 5 if step < 0 else 1

    def body(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
        same = do(Cast(a, to=F32))
        first = do(Slice(same, starts=[0, start], sizes=[4, 2], steps=[1, step]))
        return first, do(Slice(b, starts=[1, 0], sizes=[2, 3]))

    net, results = made(body)
    slices = result_slices(kernel_of(results[0]))
    assert slices is not None
    want = interpret(net.done(*results), {"a": A, "b": B})
    for name, array, found, value in zip(("y", "y1"), (A, B), slices, results, strict=True):
        np.testing.assert_array_equal(cut(array, found, value.type.shape), want[name])


def relu_of_a_join(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Relu(do(Concat(a, b, axis=1)))),)


def join_of_a_relu(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Concat(do(Relu(a)), b, axis=1)),)


def slice_of_a_join(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Slice(do(Concat(a, b, axis=1)), starts=[0, 0], sizes=[4, 2])),)


def reversed_part(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Concat(a, do(Slice(b, starts=[0, 2], sizes=[4, 3], steps=[1, -1])), axis=1)),)


def converted(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Concat(do(Cast(a, to=F16)), do(Cast(b, to=F16)), axis=1)),)


def with_a_constant(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return (do(Concat(a, do(Constant(value=np.ones((4, 1), np.float32))), axis=1)),)


def two_joins(do: Do, a: Value, b: Value) -> tuple[Value, ...]:
    return do(Concat(a, b, axis=1)), do(Concat(b, a, axis=1))


MORE = {
    relu_of_a_join: "its kernel computes graph.relu as well",
    join_of_a_relu: "its kernel computes graph.relu as well",
    slice_of_a_join: "its kernel slices the joined tensor again, or reverses it",
    reversed_part: "its kernel slices the joined tensor again, or reverses it",
    converted: "its kernel computes graph.cast as well",
    with_a_constant: "its kernel slices the joined tensor again, or reverses it",
    two_joins: "its kernel slices the joined tensor again, or reverses it",
}


@pytest.mark.parametrize("body", MORE)
def test_kernels_that_do_more_are_left_alone(body: Callable[..., tuple[Value, ...]]) -> None:
    _, results = made(body)
    kernel = kernel_of(results[0])
    assert concat_pieces(kernel) is None and other_work(kernel) == MORE[body]
    if body is not slice_of_a_join:
        assert result_slices(kernel) is None


def test_what_joins_nothing_has_no_other_work() -> None:
    _, (relu,) = made(lambda do, a, b: (do(Relu(a)),))
    assert other_work(kernel_of(relu)) is None and result_slices(kernel_of(relu)) is None
