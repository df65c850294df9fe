"""Trilu: the definition against numpy, numpy against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.graph.movement.trilu import Trilu
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated, numbered
from glassrt.testing.strategies import shapes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.onnx_runs import run_onnx


@given(st.data(), st.booleans(), st.integers(-5, 5))
def test_trilu_definition_is_numpy(data: DataObject, upper: bool, k: int) -> None:
    shape = data.draw(shapes(least=2, side=4))
    x = numbered(shape)
    check_op(Trilu, [x], symbolic=data.draw(st.booleans()), upper=upper, k=k)
    result = evaluated(build(Trilu, [x], upper=upper, k=k), [x])
    np.testing.assert_array_equal(result, run_onnx("Trilu", [x, np.array(k, np.int64)], upper=int(upper)))


def test_trilu_needs_two_dimensions() -> None:
    with pytest.raises(IRError, match="two dimensions"):
        build(Trilu, [numbered((3,))])
