"""Ops that move elements: definitions against numpy, numpy against ONNX Runtime, index arithmetic."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import Dim, evaluate, symbol
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I64, U8
from glassrt.dialects.core.expr import LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement import Concat, Expand, Pad, Reshape, Slice, Tile, Transpose, Trilu
from glassrt.dialects.graph.remap import reshaped_index
from glassrt.errors import IRError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from ...property.onnx_runs import run_onnx
from ...property.op_checks import build, check_op, evaluated
from ...property.strategies import broadcast_shapes, dtypes, shapes, tensors

Array = np.ndarray[Any, Any]
ANY = (F32, F16, I64, U8, BOOL)


def numbered(shape: tuple[int, ...]) -> Array:
    """Every element is its own position, so that a wrong one shows."""
    return np.arange(1, int(np.prod(shape)) + 1, dtype=np.float32).reshape(shape)


@st.composite
def factored(draw: DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes with the same number of elements."""

    def grouped() -> tuple[int, ...]:
        cuts = sorted(draw(st.lists(st.integers(0, len(primes)), max_size=3)))
        edges = [0, *cuts, len(primes)]
        return tuple(int(np.prod(primes[a:b])) for a, b in itertools.pairwise(edges))

    primes = draw(st.lists(st.sampled_from([2, 2, 3, 5]), max_size=5))
    first = grouped()
    primes = draw(st.permutations(primes))
    return first, grouped()


@given(factored())
def test_reshape_definition_is_numpy(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    check_op(Reshape, [numbered(pair[0])], shape=pair[1])


N, C, H = symbol("N"), symbol("C"), symbol("H")


@pytest.mark.parametrize(
    ("old", "new", "index"),
    [
        ((N, 3, H), (N, 3, H), ["a", "b", "c"]),
        ((N, 3, H), (N, 1, 3, H, 1), ["a", "c", "d"]),
        ((1, N, 1, C), (N, C), ["0", "a", "0", "b"]),
        ((N, C, 4, 8), (N, C, 32), ["a", "b", "floordiv(c, 8)", "c-8*floordiv(c, 8)"]),
        ((N, C, 32), (N, C, 4, 8), ["a", "b", "8*c+d"]),
        ((N, 2 * C, H), (N, 2, C, H), ["a", "C*b+c", "d"]),
        ((2 * N, H), (N, 2, H), ["2*a+b", "c"]),
        ((N, 6, 4), (N, 3, 8), ["a", "2*b+floordiv(c, 4)", "c-4*floordiv(c, 4)"]),
    ],
)
def test_only_split_and_merged_dimensions_cost_arithmetic(
    old: tuple[Dim, ...], new: tuple[Dim, ...], index: list[str]
) -> None:
    names = [symbol(name) for name in "abcde"[: len(new)]]
    assert [str(place) for place in reshaped_index(names, new, old)] == index


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.data())
def test_symbolic_reshapes_keep_the_row_major_position(n: int, c: int, h: int, data: DataObject) -> None:
    family: list[tuple[Dim, ...]] = [
        (N * C * H,),
        (N, C, H),
        (N * C, H),
        (N, C * H),
        (H, N * C),
        (H, 1, C, N),
    ]
    old, new = data.draw(st.sampled_from(family)), data.draw(st.sampled_from(family))
    values = {"N": n, "C": c, "H": h}
    sizes = [[evaluate(size, values) for size in shape] for shape in (old, new)]
    place = reshaped_index([symbol(f"i{axis}") for axis in range(len(new))], new, old)
    for index in np.ndindex(*sizes[1]):
        known = {**values, **{f"i{axis}": i for axis, i in enumerate(index)}}
        found = [evaluate(dim, known) for dim in place]
        assert np.ravel_multi_index(found, sizes[0]) == np.ravel_multi_index(index, sizes[1])


def test_empty_tensors_reshape() -> None:
    check_op(Reshape, [np.zeros((0, 3), np.float32)], shape=[5, 0, 2])


def test_element_counts_that_surely_differ() -> None:
    block = Block()
    with pytest.raises(IRError, match="element count"):
        Reshape(block.add_argument(TensorType((2, 6), F32)), shape=[2, 7])
    x = block.add_argument(TensorType((N, 6), F32))
    with pytest.raises(IRError, match="negative"):
        Reshape(x, shape=[N, -6])
    assert Reshape(x, shape=[2 * N, 3]).y.type.shape == (2 * N, 3)
    for shape in ([C, 6], [N, 7]):  # equal where C is N, and where N is 0: asked by needs
        reshaped = Reshape(x, shape=shape)
        assert [need.relation for need in reshaped.needs()] == ["=="]


@given(st.data())
def test_transpose_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(most=4))
    perm = data.draw(st.permutations(range(len(shape))))
    check_op(Transpose, [numbered(shape)], symbolic=data.draw(st.booleans()), perm=perm)


@given(st.data())
def test_slice_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(least=1, side=6, smallest=0))
    starts, sizes, steps, picks = [], [], [], []
    for extent in shape:
        step = data.draw(st.sampled_from([1, 2, 3, -1, -2]))
        pick = slice(*data.draw(st.tuples(st.integers(-7, 7), st.integers(-7, 7))), step).indices(extent)
        count = len(range(*pick))
        starts.append(pick[0] if count else 0)
        sizes.append(count)
        steps.append(step)
        stop = pick[0] + count * step
        picks.append(slice(pick[0], stop if stop >= 0 else None, step) if count else slice(0, 0))
    x = numbered(shape)
    check_op(Slice, [x], starts=starts, sizes=sizes, steps=steps)
    result = evaluated(build(Slice, [x], starts=starts, sizes=sizes, steps=steps), [x])
    np.testing.assert_array_equal(result, x[tuple(picks)])


def test_symbolic_slices() -> None:
    x = Block().add_argument(TensorType((N, 2 * C), F32))
    half = Slice(x, starts=[0, C], sizes=[N, C])
    assert half.y.type.shape == (N, C)
    load = half.define(Scalars(), (symbol("i"), symbol("j")))
    assert isinstance(load, LoadExpr)
    assert [str(place) for place in load.index] == ["i", "C+j"]


@pytest.mark.parametrize(
    ("starts", "sizes", "steps"),
    [([0, 0], [3, 3], [1, 1]), ([2, 0], [1, 1], [1, 1]), ([0, 1], [2, 3], [1, -1]), ([0], [2], [1]),
     ([0, 0], [2, 3], [1, 0]), ([0, -1], [2, 1], [1, 1]), ([0, 0], [-1, 1], [1, 1])],
)  # fmt: skip
def test_slices_outside(starts: list[int], sizes: list[int], steps: list[int]) -> None:
    with pytest.raises(IRError, match=r"graph\.slice"):
        build(Slice, [numbered((2, 3))], starts=starts, sizes=sizes, steps=steps)


@given(st.data())
def test_concat_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(least=1, smallest=0))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        own = list(shape)
        own[axis] = data.draw(st.integers(0, 3))
        parts.append(numbered(tuple(own)) + 100 * len(parts))
    check_op(Concat, parts, symbolic=data.draw(st.booleans()), axis=axis)


def test_concat_adds_symbolic_sizes() -> None:
    block = Block()
    parts = [block.add_argument(TensorType(shape, F32)) for shape in ((N, 3), (N, H), (N, H))]
    assert Concat(*parts, axis=1).y.type.shape == (N, 2 * H + 3)
    with pytest.raises(IRError, match="cannot be concatenated"):
        Concat(*parts, axis=0)
    with pytest.raises(IRError, match="axis 2"):
        Concat(*parts, axis=2)
    with pytest.raises(IRError, match="needs at least one operand"):
        Concat(axis=0)


@given(st.data())
def test_expand_definition_is_numpy(data: DataObject) -> None:
    pair = data.draw(broadcast_shapes(2))
    x = numbered(pair[0])
    check_op(Expand, [x], shape=pair[1])
    result = evaluated(build(Expand, [x], shape=pair[1]), [x])
    np.testing.assert_array_equal(result, x * np.ones(pair[1], np.float32))


@given(st.data())
def test_tile_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(smallest=0))
    repeats = [data.draw(st.integers(0, 3)) for _ in shape]
    check_op(Tile, [numbered(shape)], symbolic=data.draw(st.booleans()), repeats=repeats)


@st.composite
def pads(draw: DrawFn, *, least: int = -1) -> tuple[tuple[int, ...], list[int]]:
    """A shape and pads that leave at least one element of it."""
    shape = draw(shapes(least=1, most=3, side=4))
    amounts = st.lists(st.integers(least, 5), min_size=2 * len(shape), max_size=2 * len(shape))
    chosen = draw(amounts)
    for axis, size in enumerate(shape):
        if size + min(chosen[axis], 0) + min(chosen[axis + len(shape)], 0) < 1:
            chosen[axis] = 0
    return shape, chosen


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@given(pads(), st.booleans())
def test_pad_definition_is_numpy(mode: str, pad: Any, symbolic: bool) -> None:
    check_op(Pad, [numbered(pad[0])], symbolic=symbolic, pads=pad[1], mode=mode)


@given(pads(), st.data())
def test_pad_with_a_value(pad: Any, data: DataObject) -> None:
    dtype = data.draw(dtypes(*ANY))
    x, value = data.draw(tensors(dtype, pad[0])), data.draw(tensors(dtype, ()))
    check_op(Pad, [x, value], pads=pad[1])
    check_op(Pad, [x, value.reshape(1)], pads=pad[1])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@given(pads(least=0))
def test_pad_is_onnx(mode: str, pad: Any) -> None:
    shape, amounts = pad
    if mode in ("reflect", "wrap"):
        # ONNX Runtime repeats at most once.
        amounts = [min(amount, size - 1) for amount, size in zip(amounts, shape * 2, strict=True)]
    x = numbered(shape)
    result = evaluated(build(Pad, [x], pads=amounts, mode=mode), [x])
    np.testing.assert_array_equal(result, run_onnx("Pad", [x, np.array(amounts, np.int64)], mode=mode))


def test_symbolic_pads() -> None:
    x = Block().add_argument(TensorType((N, 4), F32))
    assert Pad(x, pads=[0, 1, 2, -3]).y.type.shape == (N + 2, 2)
    for amounts in ([0, 1], [0, -3, 0, -2]):
        with pytest.raises(IRError, match="pads"):
            Pad(x, pads=amounts)
    empty = Block().add_argument(TensorType((0,), F32))
    with pytest.raises(IRError, match="do not fit"):
        Pad(empty, pads=[1, 1], mode="edge")


@given(st.data(), st.booleans(), st.integers(-5, 5))
def test_trilu_definition_is_numpy(data: DataObject, upper: bool, k: int) -> None:
    shape = data.draw(shapes(least=2, side=4))
    x = numbered(shape)
    check_op(Trilu, [x], symbolic=data.draw(st.booleans()), upper=upper, k=k)
    result = evaluated(build(Trilu, [x], upper=upper, k=k), [x])
    np.testing.assert_array_equal(result, run_onnx("Trilu", [x, np.array(k, np.int64)], upper=int(upper)))


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        (Transpose, {"perm": [0, 0]}),
        (Tile, {"repeats": [2]}),
        (Tile, {"repeats": [2, -1]}),
        (Expand, {"shape": [4]}),
    ],
)
def test_attributes_that_do_not_fit(op: Any, attributes: dict[str, Any]) -> None:
    with pytest.raises(IRError, match=op.name):
        build(op, [numbered((2, 3))], **attributes)
    with pytest.raises(IRError, match="two dimensions"):
        build(Trilu, [numbered((3,))])
