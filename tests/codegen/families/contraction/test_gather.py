"""Coordinates in emitted kernels are named by what they run over, whichever dimensions are left."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.contraction.gather import row_specs

from ...contraction_cases import Case, conv, matmul

CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "sequence": (conv("f32", (2, 4, 9), (8, 4, 3)), ("image", "out_x")),
    "plane": (conv("f32", (2, 4, 9, 9), (8, 4, 3, 3)), ("image", "out_y", "out_x")),
    "volume": (conv("f32", (2, 4, 5, 6, 7), (8, 4, 3, 3, 3)), ("image", "out_z", "out_y", "out_x")),
    "one_image": (conv("f32", (1, 4, 9, 9), (8, 4, 3, 3)), ("out_y", "out_x")),
    "one_column": (conv("f32", (2, 4, 9, 1), (8, 4, 3, 1)), ("image", "out_y")),
    "pointwise": (conv("f32", (2, 4, 9, 9), (8, 4, 1, 1)), ("image_y_x",)),
    "sparse_columns": (conv("f32", (2, 4, 8, 8), (8, 4, 1, 1), stride=2), ("image_y", "out_x")),
    "sparse_rows": (conv("f32", (2, 4, 9, 9), (8, 4, 1, 1), stride=2), ("image", "out_y", "out_x")),
    "product": (matmul("f32", (4, 5), (5, 6)), ("row_0",)),
}


@pytest.mark.parametrize("name", CASES)
def test_names_of_rows(name: str) -> None:
    case, names = CASES[name]
    assert tuple(axis.name for axis in row_specs(case.problem.rows, {})) == names


def test_names_of_windows() -> None:
    (_, only) = row_specs(CASES["one_column"][0].problem.rows, {})
    assert only.window is not None
    assert (only.window.name, only.window.tap) == ("in_y", "tap_y")
