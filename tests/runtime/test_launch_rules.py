"""The driver's rules for tensor maps, each at its edge."""

from __future__ import annotations

import re
from typing import Any

import pytest
from glassrt.runtime.launch_rules import MAX_STRIDE, Traversal, extent


def columns(**fields: Any) -> Traversal:
    """An im2col map over four dimensions."""
    return Traversal(**({"box": (8, 16), "lower": (-1, 0), "upper": (0, 1)} | fields))


@pytest.mark.parametrize(
    ("traversal", "rank"),
    [
        (Traversal((256, 256)), 2),
        (Traversal((8, 1, 1), interleave="16B"), 3),
        (Traversal((8, 1, 1), swizzle="32B", interleave="32B"), 3),
        (Traversal((64, 8), swizzle="128B"), 2),
        (Traversal((8, 8), (1, 8), fill="nan"), 2),
        (columns(box=(256, 1024)), 4),
        (columns(lower=(-128, 127)), 4),
    ],
)
def test_what_is_at_the_edge_is_allowed(traversal: Traversal, rank: int) -> None:
    assert traversal.fault(rank, "f16", 2) is None


@pytest.mark.parametrize(
    ("traversal", "rank", "fault"),
    [
        (Traversal((8,) * 6), 6, "6 dimensions; 1 to 5 are possible"),
        (columns(), 2, "2 dimensions; 3 to 5 are possible"),
        (Traversal((8,), interleave="16B"), 1, "1 dimensions; 3 to 5"),
        (Traversal((8,)), 2, "a box of 1 sizes; it takes 2 sizes, one a dimension"),
        (columns(box=(8, 1, 1)), 4, "it takes channels and pixels"),
        (Traversal((8, 8), (1,)), 2, "1 steps for 2 dimensions"),
        (columns(upper=(0,)), 4, "two corners of 2 numbers"),
        (Traversal((8, 257)), 2, "a box size of 257; 1 to 256"),
        (Traversal((8, 0)), 2, "a box size of 0"),
        (columns(box=(8, 1025)), 4, "a box size of 1025; 1 to 1024"),
        (Traversal((8, 8), (2, 1)), 2, "1 alone in the innermost one"),
        (Traversal((8, 8), (1, 9)), 2, "1 to 8 are possible"),
        (columns(upper=(0, 128)), 4, r"corners outside -128\.\.127"),
        (Traversal((8, 1, 1), interleave="32B"), 3, "needs a swizzle of 32B"),
        (Traversal((4, 8)), 2, "a box of 8 bytes along its innermost dimension, no multiple of 16"),
        (Traversal((24, 8), swizzle="32B"), 2, "a box of 48 bytes .* in a swizzle of 32B"),
    ],
)
def test_what_is_beyond_is_named(traversal: Traversal, rank: int, fault: str) -> None:
    found = traversal.fault(rank, "f16", 2)
    assert found is not None and re.search(fault, found), found


def test_only_f32_is_rounded_to_tf32() -> None:
    assert Traversal((16, 8), rounding="tf32").fault(2, "f32", 4) is None
    assert Traversal((16, 8), rounding="tf32").fault(2, "f16", 2) == "cannot round f16 to tf32"


def test_integers_are_not_filled_with_nan() -> None:
    assert Traversal((16, 8), fill="nan").fault(2, "f8e4m3", 1) == "cannot fill f8e4m3 with NaN"


@pytest.mark.parametrize(
    ("dims", "strides", "fault"),
    [
        ([8, 4, 3, 2], [16, 64, 192], None),
        ([8, 4, 3, 2], [16, 64], "has 2 strides for 4 dimensions; it takes one less than those"),
        ([8, 0, 3, 2], [16, 64, 192], "has a size of 0; 1 to 2**32 are possible"),
        ([8, 4, 3, 2**32 + 1], [16, 64, 192], f"has a size of {2**32 + 1}; 1 to 2**32 are possible"),
        ([8, 4, 3, 2], [16, 24, 192], "has a stride of 24 bytes; multiples of 16 below 2**40 are possible"),
        (
            [8, 4, 3, 2],
            [16, 64, MAX_STRIDE],
            f"has a stride of {MAX_STRIDE} bytes; multiples of 16 below 2**40 are possible",
        ),
        ([8, 1, 3, 2], [16, 64, 192], "has no pixel between its corners 1 and 0 along a size of 1"),
    ],
)
def test_sizes(dims: list[int], strides: list[int], fault: str | None) -> None:
    assert columns(lower=(1, 0)).wrong_sizes(dims, strides) == fault


def test_counts_and_alignments() -> None:
    assert Traversal((8, 9), (1, 2)).copied(2) == 40 and columns().copied(4) == 128
    assert Traversal((8,)).every(1) == (1,) and columns().im2col and not Traversal((8,)).im2col
    assert Traversal((8,), interleave="32B").alignment == 32 and Traversal((8,)).alignment == 16
    assert extent([8, 3, 2], [32, 256], 2) == 8 * 2 + 2 * 32 + 256
