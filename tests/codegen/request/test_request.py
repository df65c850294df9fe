"""What a family may expect of a kernel."""

from __future__ import annotations

import math

import pytest
from glassrt.codegen.request.request import Candidate


@pytest.mark.parametrize("microseconds", [math.nan, math.inf, -math.inf, -1.0])
def test_a_time_that_cannot_be_compared_is_no_time(microseconds: float) -> None:
    """A NaN would leave the order of candidates to chance."""
    with pytest.raises(ValueError, match="toy expects"):
        Candidate("toy", {}, microseconds)
