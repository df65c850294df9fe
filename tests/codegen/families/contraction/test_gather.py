"""Coordinates in emitted kernels are named by what they run over, whichever dimensions are left."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.families.contraction.gather import row_specs
from glassrt.codegen.families.registry import families
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16

from ...contraction_cases import Case, conv, matmul
from ...prologue_cases import gathered_product
from .prologue_requests import MMA, request_of

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


def test_emitted_gather_of_rows(golden: Any) -> None:
    """The index of a row is read once, before the first tile; rows are copied asynchronously."""
    request, _ = request_of(gathered_product(F16, None, (3000, 128), columns=64))
    code = families()[MMA].realize(request, families()[MMA].propose(request)[0].config)
    source = render(code.template, code.spec)
    assert source.count("load(x1") == 1 and "cp_async<16>(tile + a_slot" in source
    assert source.index("pdl_wait") < source.index("load(x1")
    assert source == golden.at("gathered_rows_mma.cu")
