"""The softmax of tensor cores: where the scale is applied."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from glassrt.codegen.families.attention.weights import weights_spec
from glassrt.dialects.core.dtypes import F16

from ...attention_cases import Shape
from ..attention_persistent.checked import problem_of


@pytest.mark.parametrize(
    ("shape", "late"),
    [
        (Shape(attributes={"scale": 0.5}), True),
        (Shape(attributes={"scale": -0.5}), False),  # it turns the order of scores
        (Shape(mask=(2, 1, 1, 24), attributes={"scale": 0.5}), False),  # the mask is added to scaled scores
    ],
)
def test_the_scale_is_part_of_the_exponent_where_it_may_be(shape: Shape, late: bool) -> None:
    weights = weights_spec(problem_of(shape))
    assert weights.late_scale == late and not weights.rounded
    factor = float.fromhex(weights.factor.rstrip("f"))
    assert factor == pytest.approx(math.log2(math.e) * (0.5 if late else 1.0), rel=1e-6)
    assert float.fromhex(weights.unit.rstrip("f")) * factor == pytest.approx(1.0, rel=1e-6)


def test_sums_of_scores_and_masks_of_one_type_are_rounded_to_it() -> None:
    shape = Shape(mask=(2, 1, 1, 24), mask_dtype=F16)
    assert weights_spec(problem_of(shape)).rounded
    assert not weights_spec(problem_of(replace(shape, mask_dtype=Shape().mask_dtype))).rounded
