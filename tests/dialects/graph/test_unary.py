"""Ops of one operand that are more than a table's line."""

from __future__ import annotations

from glassrt.dialects.graph import unary
from glassrt.testing.op_checks import check_op
from glassrt.testing.strategies import FLOATS, dtypes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject


@given(data=st.data(), positive=st.booleans(), negative=st.booleans())
def test_isinf_of_wanted_signs(data: DataObject, positive: bool, negative: bool) -> None:
    x = data.draw(tensors(data.draw(dtypes(*FLOATS)), (4,)))
    check_op(unary.Isinf, [x], positive=positive, negative=negative)
