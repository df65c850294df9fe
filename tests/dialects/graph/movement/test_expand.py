"""Expand and Tile: definitions against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.graph.movement.expand import Expand, Tile
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated, numbered
from glassrt.testing.strategies import broadcast_shapes, shapes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject


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


@pytest.mark.parametrize(
    ("op", "attributes"),
    [(Tile, {"repeats": [2]}), (Tile, {"repeats": [2, -1]}), (Expand, {"shape": [4]})],
)
def test_attributes_that_do_not_fit(op: Any, attributes: dict[str, Any]) -> None:
    with pytest.raises(IRError, match=op.name):
        build(op, [numbered((2, 3))], **attributes)
