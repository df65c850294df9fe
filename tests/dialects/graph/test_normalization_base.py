"""The base class of normalizations: what rows share, how wide it computes, and ops without parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.expr import Expr, Index, Scalars
from glassrt.dialects.core.op import define_op, operand, result
from glassrt.dialects.graph.normalization_base import Normalization
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated

X = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)


@define_op()
class Standard(Normalization):
    """Mean 0 and variance 1 over axes 1 and 2; the second operand has no influence."""

    name = "test.standard"
    unused = operand()
    y = result()

    def compute(self, x: Any, unused: Any) -> Any:
        centred = x - np.mean(x, (1, 2), keepdims=True)
        return centred / np.sqrt(np.var(x, (1, 2), keepdims=True) + 0.1)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return self.finished(self.standardized(scalars, index, (1, 2), 0.1))


@define_op()
class Undefined(Normalization):
    """An op with the base class's methods alone."""

    name = "test.undefined"
    y = result()


@pytest.mark.parametrize("symbolic", [False, True])
def test_standardized_is_numpy(symbolic: bool) -> None:
    check_op(Standard, [X, X], symbolic=symbolic)


def test_elements_of_a_row_share_its_key() -> None:
    op = build(Undefined, [X])

    def key(*index: int) -> Sequence[object]:
        return op.row(index, (1, 2))

    assert key(0, 1, 2) == key(0, 2, 3) != key(1, 1, 2)


def test_the_result_has_the_type_of_x_and_is_computed_wide() -> None:
    x = X.astype(np.float16)
    op = build(Standard, [x * 100, X])
    assert op.result.type.dtype.name == "f16" and op.result.type.shape == x.shape
    exact = evaluated(build(Standard, [x.astype(np.float32) * 100, X]), [x.astype(np.float32) * 100, X])
    np.testing.assert_allclose(evaluated(op, [x * 100, X]), exact, rtol=2e-3, atol=2e-3)


def test_cost_is_per_element() -> None:
    op = build(Undefined, [X])
    assert op.flops() == X.size * Normalization.cost and op.cancelled(X) is None


def test_what_does_not_fit() -> None:
    with pytest.raises(IRError, match="float"):
        build(Standard, [X, X.astype(np.int32)])
    with pytest.raises(IRError, match="no evaluation"):
        evaluated(build(Undefined, [X]), [X])
