"""Where sequences and tokens lie in tensors, and behind movement."""

from __future__ import annotations

import pytest
from glassrt.compiler.unpadding.places import Place, reshaped, transposed
from glassrt.dialects.core.affine import Dim, symbol

N, S = symbol("N"), symbol("S")
T = 64 * symbol("T")


def test_shapes_without_padding() -> None:
    assert Place(0, 1).shape([N, S, 6], T) == [T, 6]
    assert Place(0, 2).shape([N, 4, S, 6], T) == [4, T, 6]
    assert Place(1, 0).shape([S, N, 6], T) == [T, 6]
    assert Place(None, 0).shape([N * S, 6], T) == [T, 6]
    assert [Place(1, 0).packed(axis) for axis in (0, 2, 3)] == [0, 1, 2]
    assert Place(0, 1).shifted(2) == Place(2, 3) and Place(None, 0).shifted(1) == Place(None, 1)
    assert Place(0, 1).axes == (0, 1) and Place(None, 2).axes == (2,)


def test_transposes() -> None:
    assert transposed(Place(0, 1), [0, 2, 1, 3]) == Place(0, 2)
    assert transposed(Place(0, 1), [1, 0, 2]) == Place(1, 0)
    assert transposed(Place(None, 1), [1, 0]) == Place(None, 0)


@pytest.mark.parametrize(
    ("place", "before", "after", "wanted"),
    [
        (Place(0, 1), [N, S, 12], [N, S, 3, 4], Place(0, 1)),
        (Place(0, 1), [N, S, 12], [N * S, 12], Place(None, 0)),
        (Place(None, 0), [N * S, 12], [N, S, 12], Place(0, 1)),
        (Place(None, 0), [N * S, 12], [N, 1, S, 12], Place(0, 2)),
        (Place(0, 1), [N, S], [N, 1, 1, S], Place(0, 3)),
        (Place(0, 2), [N, 3, S, 4], [N, 3, S, 2, 2], Place(0, 2)),
        (Place(1, 0), [S, N, 12], [S, N, 3, 4], Place(1, 0)),
        (Place(1, 0), [S, N, 12], [S * N, 12], None),
        (Place(0, 2), [N, 3, S, 4], [N * 3, S, 4], None),
        (Place(0, 1), [N, S, 12], [N, S * 12], None),
        (Place(None, 0), [N * S, 12], [N * S * 12], None),
    ],
)
def test_reshapes(place: Place, before: list[Dim], after: list[Dim], wanted: Place | None) -> None:
    assert reshaped(place, before, after, N, S) == wanted
