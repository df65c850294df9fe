"""Where sequences and tokens lie in tensors, and behind movement."""

from __future__ import annotations

import pytest
from glassrt.compiler.unpadding.places import TokenPlace, reshaped, transposed
from glassrt.dialects.core.affine import Dim, symbol

N, S = symbol("N"), symbol("S")
T = 64 * symbol("T")


def test_shapes_without_padding() -> None:
    assert TokenPlace(0, 1).shape([N, S, 6], T) == [T, 6]
    assert TokenPlace(0, 2).shape([N, 4, S, 6], T) == [4, T, 6]
    assert TokenPlace(1, 0).shape([S, N, 6], T) == [T, 6]
    assert TokenPlace(None, 0).shape([N * S, 6], T) == [T, 6]
    assert [TokenPlace(1, 0).packed(axis) for axis in (0, 2, 3)] == [0, 1, 2]
    assert TokenPlace(0, 1).shifted(2) == TokenPlace(2, 3)
    assert TokenPlace(None, 0).shifted(1) == TokenPlace(None, 1)
    assert TokenPlace(0, 1).axes == (0, 1) and TokenPlace(None, 2).axes == (2,)


def test_transposes() -> None:
    assert transposed(TokenPlace(0, 1), [0, 2, 1, 3]) == TokenPlace(0, 2)
    assert transposed(TokenPlace(0, 1), [1, 0, 2]) == TokenPlace(1, 0)
    assert transposed(TokenPlace(None, 1), [1, 0]) == TokenPlace(None, 0)


@pytest.mark.parametrize(
    ("place", "before", "after", "wanted"),
    [
        (TokenPlace(0, 1), [N, S, 12], [N, S, 3, 4], TokenPlace(0, 1)),
        (TokenPlace(0, 1), [N, S, 12], [N * S, 12], TokenPlace(None, 0)),
        (TokenPlace(None, 0), [N * S, 12], [N, S, 12], TokenPlace(0, 1)),
        (TokenPlace(None, 0), [N * S, 12], [N, 1, S, 12], TokenPlace(0, 2)),
        (TokenPlace(0, 1), [N, S], [N, 1, 1, S], TokenPlace(0, 3)),
        (TokenPlace(0, 2), [N, 3, S, 4], [N, 3, S, 2, 2], TokenPlace(0, 2)),
        (TokenPlace(1, 0), [S, N, 12], [S, N, 3, 4], TokenPlace(1, 0)),
        (TokenPlace(1, 0), [S, N, 12], [S * N, 12], None),
        (TokenPlace(0, 2), [N, 3, S, 4], [N * 3, S, 4], None),
        (TokenPlace(0, 1), [N, S, 12], [N, S * 12], None),
        (TokenPlace(None, 0), [N * S, 12], [N * S * 12], None),
    ],
)
def test_reshapes(place: TokenPlace, before: list[Dim], after: list[Dim], wanted: TokenPlace | None) -> None:
    assert reshaped(place, before, after, N, S) == wanted
