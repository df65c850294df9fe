"""Packing to rows, and unpacking, wherever sequences and tokens lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.unpadding.places import TokenPlace
from glassrt.compiler.unpadding.rows import TokenRows
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F32, I32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Function, Module, SymbolRange, Unpadded
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.runtime.unpadded import OFFSETS, PLACES, POSITIONS, ROLES, TOKENS, named

Array = np.ndarray[Any, Any]
N, S, T = symbol("N"), symbol("S"), 64 * symbol("T")
KEPT = np.arange(4) < np.array([[4], [0], [2]])


def around(
    shape: list[Dim], place: TokenPlace, columns: tuple[int, int] | None = None
) -> tuple[Array, Array, Array]:
    """A padded tensor, its rows, and what unpacking them gives."""
    module = Module(symbols={name: SymbolRange(0, 3, 9) for name in "NST"})
    function = module.add(Function("main", ["x", "m", *(named("m", role) for role in ROLES)], ["rows", "y"]))
    sizes = {TOKENS: (T,), POSITIONS: (T,), OFFSETS: (N + 1,), PLACES: (N, S)}
    x = function.block.add_argument(TensorType(tuple(shape), F32))
    function.block.add_argument(TensorType((N, S), F32))
    found = {role: function.block.add_argument(TensorType(sizes[role], I32)) for role in ROLES}
    rows = TokenRows(module, (N, S, T), found)
    packed = rows.pack(x, place)
    function.block.append(Return(packed, rows.unpack(packed, place, columns)))
    module.unpadded = Unpadded("m")
    verify(module, ALL_DIALECTS)
    values = {"N": 3, "S": 4, "N*S": 12}
    given = np.random.default_rng(1).standard_normal([values.get(str(dim), dim) for dim in shape])
    results = interpret(module, {"x": given.astype(np.float32), "m": KEPT.astype(np.float32)})
    return given.astype(np.float32), results["rows"], results["y"]


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ([N, S], TokenPlace(0, 1)),
        ([N, S, 2], TokenPlace(0, 1)),
        ([N, 2, S, 3], TokenPlace(0, 2)),
        ([S, N, 2], TokenPlace(1, 0)),
        ([2, S, 3, N], TokenPlace(3, 1)),
        ([N * S, 2], TokenPlace(None, 0)),
        ([2, N * S], TokenPlace(None, 1)),
    ],
    ids=str,
)
def test_what_is_packed_comes_back_with_zeros(shape: list[Dim], place: TokenPlace) -> None:
    x, rows, y = around(shape, place)
    assert rows.shape[place.packed(place.token)] == 64
    kept = KEPT.reshape(-1) if place.batch is None else KEPT if place.batch < place.token else KEPT.T
    kept = np.expand_dims(kept, [axis for axis in range(x.ndim) if axis not in place.axes])
    np.testing.assert_array_equal(y, np.where(kept, x, 0))
    np.testing.assert_array_equal(
        np.moveaxis(rows, place.packed(place.token), 0)[:6].size, kept.sum() * x.size // 12
    )


def test_some_columns_alone() -> None:
    x, _, y = around([N, S, 2], TokenPlace(0, 1), (1, 2))
    np.testing.assert_array_equal(y, np.where(KEPT[..., None], x, 0)[:, 1:3])
