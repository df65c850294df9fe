"""Indices that are known while a model is imported have to be within their axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import InputError, ModelError
from onnx import NodeProto

from .graphs import model, node
from .shaped_models import ints


def gathered(indices: Any, size: int | str = "N", **ranges: tuple[int, int, int]) -> list[str]:
    """What a Gather of INDICES from an axis of SIZE needs."""
    made = model([node("Gather", "x i", axis=0)], {"x": (size, 3)}, constants={"i": indices})
    return [str(each) for each in import_model(made, shapes=ranges).constraints]


@pytest.mark.parametrize(
    ("indices", "needs"),
    [
        (ints(2), ["N >= 3"]),
        (ints(0, 4, 1), ["N >= 5"]),
        (ints(-3), ["N >= 3"]),
        (np.array([[1, -6], [2, 0]], np.int32), ["N >= 6"]),
        (np.zeros((0,), np.int64), []),
    ],
)
def test_an_axis_is_as_long_as_the_furthest_index(indices: Any, needs: list[str]) -> None:
    assert gathered(indices) == needs
    assert gathered(indices, N=(8, 8, 8)) == []


@pytest.mark.parametrize(("index", "fits"), [(3, True), (4, False), (-4, True), (-5, False)])
def test_beyond_a_fixed_axis_is_an_error(index: int, fits: bool) -> None:
    if fits:
        assert gathered(ints(index), 4) == []
    else:
        with pytest.raises(ModelError, match=f"the index {index} is inside axis 0"):
            gathered(ints(index), 4)


def test_a_range_that_never_reaches_is_blamed() -> None:
    with pytest.raises(InputError, match="the index 9 is inside axis 0"):
        gathered(ints(9), N=(1, 2, 8))


ARANGE = [
    node("Shape", "x", "s"),
    node("Gather", "s zero", "n", axis=0),
    node("Range", "zero n one", "r"),
]
CONSTANTS = {"zero": np.array(0), "one": np.array(1), "five": ints(5), "column": ints(1, -1)}


@pytest.mark.parametrize(
    ("between", "needs"),
    [
        ([node("Identity", "r", "i")], []),  # 0 to N - 1 of an axis of N
        ([node("Add", "r one", "i")], None),  # 1 to N
        ([node("Add", "five r", "i")], None),
        ([node("Reshape", "r column", "i")], []),
        ([node("Cast", "r", "c", to=6), node("Reshape", "c column", "i")], []),
    ],
)
def test_positions_of_a_range_are_followed(between: list[NodeProto], needs: list[str] | None) -> None:
    made = model([*ARANGE, *between, node("Gather", "x i", axis=0)], {"x": ("N", 3)}, constants=CONSTANTS)
    if needs is None:
        with pytest.raises((InputError, ModelError), match="is inside axis 0"):
            import_model(made)
    else:
        assert [str(each) for each in import_model(made).constraints] == needs


def test_indices_that_data_gives_are_left_to_the_run() -> None:
    nodes = [node("ArgMax", "x", "i", axis=0, keepdims=0), node("Gather", "x i", axis=0)]
    module = import_model(model(nodes, {"x": ("N", 3)}))
    assert not any("inside axis" in str(each.why) for each in module.constraints)
