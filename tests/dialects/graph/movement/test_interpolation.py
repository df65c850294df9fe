"""Interpolation: which elements a sample reads, and their weights."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.movement.interpolation import Filter, weighted
from glassrt.dialects.graph.movement.sampling import AxisSampling


def doubled(extent: int) -> AxisSampling:
    return AxisSampling("half_pixel", extent, 2 * extent, None, (0.0, 1.0))


@pytest.mark.parametrize(("mode", "taps"), [("linear", 2), ("cubic", 4)])
def test_weights_of_every_sample_add_up_to_one(mode: str, taps: int) -> None:
    places, weights = Filter(mode, 1.0, -0.75, False).taps(doubled(5))
    assert places.shape == weights.shape == (10, taps)
    np.testing.assert_allclose(weights.sum(1), 1.0)


def test_a_filter_is_widened_where_samples_are_far_apart() -> None:
    assert len(Filter("linear", 0.5, 0.0, False).offsets) == 4
    # Where only a run tells the scale, at least as many taps are reserved.
    known = Filter("linear", (1, 2), 0.0, False)
    assert known.count == 6 and known.first == -2
    assert Filter("linear", (symbol("N"), 2), 0.0, False).normalizes


def test_elements_without_weight_do_not_count() -> None:
    x = np.array([1.0, np.nan, 3.0])
    found = weighted(x, 0, np.array([[0, 2]]), np.array([[0.25, 0.75]]))
    assert found.tolist() == [2.5]
