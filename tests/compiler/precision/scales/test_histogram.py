"""The streaming histogram: the same counts however the elements come."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.compiler.precision.scales.histogram import BINS, CHUNK, Histogram
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

Array = np.ndarray[Any, Any]

floats = st.floats(width=32)
arrays = npst.arrays(np.float32, st.integers(0, 60), elements=floats)


def of(*batches: Array) -> Histogram:
    histogram = Histogram()
    for batch in batches:
        histogram.add(batch)
    return histogram


@given(st.lists(arrays, max_size=5), st.randoms())
def test_neither_the_split_nor_the_order_of_batches_matters(batches: list[Array], random: Any) -> None:
    whole = of(np.concatenate([*batches, np.zeros(0, np.float32)]))
    assert of(*batches) == whole
    random.shuffle(batches)
    assert of(*batches) == whole


@given(arrays, arrays)
def test_merging_is_as_recording_both(one: Array, other: Array) -> None:
    merged = of(one).merged(of(other))
    assert merged == of(one, other) == of(other).merged(of(one))
    assert of(one).merged(Histogram()) == of(one)


@given(arrays)
def test_the_facts_are_those_of_the_elements(array: Array) -> None:
    histogram = of(array)
    finite = array[np.isfinite(array)]
    magnitudes = np.abs(finite.astype(np.float64))
    assert histogram.count == array.size and histogram.finite == finite.size == histogram.counts.sum()
    assert histogram.nans == np.isnan(array).sum() and histogram.infinities == np.isinf(array).sum()
    assert histogram.zeros == (finite == 0).sum()
    assert histogram.minimum == finite.min(initial=np.inf)
    assert histogram.maximum == finite.max(initial=-np.inf)
    assert histogram.largest == magnitudes.max(initial=0)
    assert histogram.smallest == magnitudes[magnitudes > 0].min(initial=np.inf)


@given(arrays)
def test_every_element_is_counted_in_its_bin(array: Array) -> None:
    histogram = of(array)
    magnitudes = np.abs(array[np.isfinite(array)].astype(np.float64))
    edges = np.arange(BINS + 1) * histogram.bin_width
    assert np.array_equal(histogram.counts, np.histogram(magnitudes, edges)[0])
    if magnitudes.any():
        assert edges[-1] / 2 <= magnitudes.max() < edges[-1]


@given(arrays)
def test_bins_hold_what_is_not_zero(array: Array) -> None:
    bins = of(array).bins()
    magnitudes = np.abs(array[np.isfinite(array) & (array != 0)].astype(np.float64))
    assert bins.weights.sum() == magnitudes.size and (bins.weights > 0).all()
    assert (bins.lower <= bins.upper).all()
    if magnitudes.size:
        assert (bins.lower[0], bins.upper[-1]) == (magnitudes.min(), magnitudes.max())
        assert bins.beyond(magnitudes.max()) == 0
        assert bins.beyond(np.nextafter(magnitudes.min(), 0)) == pytest.approx(magnitudes.size)


def test_joining_bins_of_a_range_that_grew_far_leaves_one() -> None:
    histogram = of(np.array([1e-20, 2e-20, -3e-20], np.float32), np.array([1e20], np.float32))
    assert histogram.counts[0] == 3 and histogram.counts.sum() == 4


@pytest.mark.parametrize("value", [1e-45, 1.1754944e-38, 1.0, 1e30, 3.4e38])
def test_the_range_reaches_all_of_float32(value: float) -> None:
    histogram = of(np.array([value, -value, 0.0], np.float32))
    assert (histogram.finite, histogram.zeros) == (3, 1)
    assert histogram.bins().weights.tolist() == [2.0]
    assert histogram.bin_width * BINS / 2 <= float(np.float32(value)) < histogram.bin_width * BINS


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_floats_are_taken_as_float32(dtype: Any) -> None:
    array = np.random.default_rng(0).standard_normal((7, 5)).astype(dtype)
    assert of(array) == of(array.astype(np.float32))


def test_a_double_beyond_float32_counts_as_infinite() -> None:
    assert of(np.array([1e300, 1.0])).infinities == 1


def test_large_tensors_are_looked_at_in_pieces() -> None:
    array = np.random.default_rng(0).standard_normal(3 * CHUNK + 5).astype(np.float32)
    assert of(array) == of(*np.array_split(array[::-1], 7))
    assert of(array).counts.nbytes == Histogram().counts.nbytes


def test_an_empty_tensor_leaves_no_trace() -> None:
    assert of(np.zeros((0, 3), np.float32)) == Histogram() != of(np.zeros(1, np.float32))
