"""Steps of Gaussian elimination: definitions against numpy, and their product against the determinant."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F16, F32, F64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.elimination import Pivot, SchurComplement
from glassrt.errors import IRError, UnsupportedError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...compiler.frontend.nodes import case


@given(st.data())
def test_steps(data: DataObject) -> None:
    n, dtype = data.draw(st.integers(1, 4)), data.draw(dtypes(F32, F64, F16))
    x = data.draw(tensors(dtype, (2, n, n), special=False))
    check_op(Pivot, [x])
    if abs(x[:, :, 0].astype(float)).max(axis=1).min() > 0.5:  # else the quotients are too large to compare
        check_op(SchurComplement, [x])


def test_the_product_of_the_pivots_is_the_determinant() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 5))
    x[0, 0, :, 0] = 0
    x[1, 1, 2] = x[1, 1, 4]
    wanted, found = np.linalg.det(x), 1.0
    while x.shape[-1]:
        found = found * evaluated(build(Pivot, [x]), [x])
        x = evaluated(build(SchurComplement, [x]), [x])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_determinants_by_the_kernels() -> None:
    x = np.random.default_rng(1).normal(size=(3, 4, 4)).astype(np.float32)
    plan = glassrt.compile(case("Det", 11, x).model(11).SerializeToString(), target="host")
    with glassrt.load(plan, "host") as engine:
        [found] = engine.run({"x0": x}).values()
    np.testing.assert_allclose(found, np.linalg.det(x), rtol=1e-4)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (0, 0)])
def test_no_matrices(shape: tuple[int, ...]) -> None:
    with pytest.raises(IRError, match="does not hold square matrices"):
        Pivot(Block().add_argument(TensorType(shape, F32)))


def test_large_matrices_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="at most 64"):
        glassrt.compile(case("Det", 11, np.zeros((65, 65), np.float32)).model(11).SerializeToString())
