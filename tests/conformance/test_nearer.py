"""Where the suite and GlassRT differ by a rounding, GlassRT must be the nearer one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from .backends import Interpreter
from .cases import model_and_data
from .exact import exact
from .expected import listed


def array(value: Any) -> np.ndarray[Any, Any]:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


@pytest.mark.parametrize("name", listed("nearer"))
def test_it_is_nearer_wherever_they_differ(name: str) -> None:
    case = model_and_data(name)
    differing = 0
    for inputs, outputs in case.data_sets:
        arrays = [array(x) for x in inputs]
        found = Interpreter.prepare(case.model).run(arrays)
        for have, wanted, true in zip(found, outputs, exact(case.model, arrays), strict=True):
            want = array(wanted).astype(np.float64)
            apart = ~np.isclose(have.astype(np.float64), want, case.rtol, case.atol)
            differing += int(apart.sum())
            assert (abs(have - true)[apart] <= abs(want - true)[apart]).all()
    assert differing
