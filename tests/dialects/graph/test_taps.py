"""Taps of samples along an axis, in numpy: weights, reflection and borders."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.graph.taps import sample_array, tap_arrays, unnormalized_array


def sampled(
    line: list[float], at: list[float], mode: str, padding: str, *, align_corners: bool = False
) -> list[float]:
    x = np.array(line, float)[None, :, None]
    places = np.array(at)[None]
    taps = tap_arrays(places, len(line), mode, padding, align_corners=align_corners)
    return sample_array(x, (np.zeros((1, 1), int),), [taps])[0, :, 0].tolist()


def test_coordinates_are_centers_or_edges() -> None:
    ends = np.array([-1.0, 0.0, 1.0])
    assert unnormalized_array(ends, 4, align_corners=True).tolist() == [0, 1.5, 3]
    assert unnormalized_array(ends, 4, align_corners=False).tolist() == [-0.5, 1.5, 3.5]


def test_a_linear_sample_is_between_two_elements() -> None:
    assert sampled([1, 3, 7], [0.5, 1.25, -0.5, 2.5], "linear", "zeros") == [2, 4, 0.5, 3.5]


def test_a_cubic_sample_at_an_element_is_it() -> None:
    assert sampled([1, 3, 7, 2], [1, 2], "cubic", "border") == [3, 7]


@pytest.mark.parametrize(("corners", "wanted"), [(True, [3, 7, 3]), (False, [1, 7, 7])])
def test_reflections(corners: bool, wanted: list[float]) -> None:
    assert sampled([1, 3, 7], [-1, 2, 3], "nearest", "reflection", align_corners=corners) == wanted


def test_a_single_element_is_its_own_reflection() -> None:
    assert sampled([5], [-3, 0, 9], "linear", "reflection", align_corners=True) == [5, 5, 5]


def test_halves_go_to_the_even_element() -> None:
    assert sampled([1, 3, 7], [0.5, 1.5], "nearest", "border") == [1, 7]
