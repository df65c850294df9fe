"""Strides and predicates along a vector: as they are when each lane is tried."""

from __future__ import annotations

import pytest
from glassrt.codegen.emit.lanes import Lanes
from glassrt.dialects.core.affine import Dim, floordiv, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from hypothesis import given
from hypothesis import strategies as st

ROW, J = symbol("i"), symbol("j")
LANES = Lanes("i", 4)
NUMBERS = st.integers(0, 8)
DIMS: st.SearchStrategy[Dim] = st.recursive(
    st.one_of(NUMBERS, st.sampled_from([ROW, J])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda ab: ab[0] + ab[1]),
        st.tuples(inner, NUMBERS).map(lambda ab: ab[0] * ab[1]),
        st.tuples(inner, st.sampled_from((2, 4, 8, 12))).map(lambda ab: floordiv(ab[0], ab[1])),
    ),
    max_leaves=5,
)


def lanes_of(dim: Dim, first: int, j: int) -> list[int]:
    return [evaluate(dim, {"i": first + lane, "j": j}) for lane in range(4)]


@given(DIMS, st.integers(0, 6), st.integers(0, 20))
def test_a_stride_is_that_of_the_lanes(dim: Dim, block: int, j: int) -> None:
    values, stride = lanes_of(dim, 4 * block, j), LANES.stride(dim)
    if stride is not None:
        assert values == [values[0] + lane * stride for lane in range(4)]
    assert LANES.uniform(dim) == (stride == 0)
    if LANES.aligned(dim):
        assert values[0] % 4 == 0


@given(DIMS, DIMS, DIMS, st.integers(0, 6), st.integers(0, 20))
def test_a_predicate_of_a_block_is_that_of_every_lane(
    low: Dim, dim: Dim, high: Dim, block: int, j: int
) -> None:
    if LANES.block_of(low, dim, high):
        ends = [lanes_of(each, 4 * block, j) for each in (low, dim, high)]
        assert len({a <= b < c for a, b, c in zip(*ends, strict=True)}) == 1


@pytest.mark.parametrize(
    ("dim", "stride"),
    [
        (7, 0),
        (ROW, 1),
        (3 * ROW + J, 3),
        (ROW * J, None),
        (floordiv(ROW, 4), 0),
        (floordiv(ROW, 2), None),
        (floordiv(ROW + 1, 4), None),
    ],
)
def test_strides(dim: Dim, stride: int | None) -> None:
    assert LANES.stride(dim) == stride
    assert Lanes("i", 1).stride(dim) == 0


def test_alignment_and_blocks() -> None:
    assert (
        LANES.aligned(ROW + 8)
        and not LANES.aligned(ROW + 2)
        and not LANES.aligned(J)
        and LANES.aligned(4 * J)
    )
    assert LANES.block_of(0, ROW, 8) and not LANES.block_of(0, ROW, 6) and not LANES.block_of(0, ROW + 1, 8)
    assert LANES.block_of(0, J, 5) and not LANES.block_of(0, 2 * ROW, 8)
