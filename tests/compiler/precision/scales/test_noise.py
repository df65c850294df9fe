"""The noise of eight bits as it is estimated from histograms: that of the samples themselves."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.precision.scales.calibrators import (
    Estimates,
    min_max,
)
from glassrt.compiler.precision.scales.histogram import BINS
from glassrt.compiler.precision.scales.noise import E4M3, INT8, NoiseFormat, noise_power, signal_power, sqnr
from hypothesis import given
from hypothesis import strategies as st

from .distributions import DISTRIBUTIONS, GAUSSIAN, measured, of, quantized


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30), st.floats(0.01, 100))
def test_the_noise_of_single_magnitudes_is_exact(samples: list[float], clip: float) -> None:
    for sample in samples:
        histogram = of([sample, sample])
        if not sample:
            continue
        for form, name in ((INT8, "int8"), (E4M3, "fp8")):
            error = sample - quantized(np.array([sample], float), clip, name)[0]
            got = noise_power(histogram.bins(), np.array([clip]), form)[0]
            assert got == pytest.approx(2 * error**2, rel=1e-4, abs=1e-8 * sample**2)


def test_sqnr_falls_with_a_clip_that_is_far_too_small_or_large() -> None:
    bins = of(GAUSSIAN).bins()
    good = sqnr(bins, 4.0, INT8)
    assert good > sqnr(bins, 1.0, INT8) + 20 and good > sqnr(bins, 400.0, INT8) + 30
    assert min_max(of(GAUSSIAN)) < BINS


@pytest.mark.parametrize("form", ["int8", "fp8"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_estimated_sqnr_is_that_of_the_samples(name: str, form: str) -> None:
    samples = DISTRIBUTIONS[name].astype(np.float32).astype(np.float64)
    for calibrator, found in Estimates(of(samples)).items():
        exact = measured(samples, found.clip, form)
        assert getattr(found, form) == pytest.approx(exact, abs=0.1), calibrator
        share = np.mean(np.abs(samples) > found.clip)
        assert found.clipped == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("form", [INT8, E4M3], ids=lambda form: form.name)
def test_the_integral_is_that_of_the_squared_distance_to_the_nearest_number(form: NoiseFormat) -> None:
    """By sums over a fine grid, of numbers rounded by the types themselves."""
    v = (np.arange(2**15) + 0.5) * form.top / 2**15
    distance = v - quantized(v, form.top, form.name)
    assert np.abs(form.error(v)) == pytest.approx(np.abs(distance), abs=1e-9)
    sums = np.cumsum(distance**2) * form.top / 2**15
    for at in (2**7, 2**11, 2**14, 2**15):
        assert form.integral(np.array([at * form.top / 2**15]))[0] == pytest.approx(sums[at - 1], rel=1e-2)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_signal_is_the_sum_of_squares(name: str) -> None:
    samples = DISTRIBUTIONS[name].astype(np.float32).astype(np.float64)
    assert signal_power(of(samples).bins()) == pytest.approx(float(np.sum(samples**2)), rel=1e-3)


def test_the_largest_number_of_a_scale_is_the_clip() -> None:
    assert INT8.scale(12.7) == np.float32(0.1) and E4M3.scale(896.0) == 2
    assert INT8.scale(0.0) == E4M3.scale(0.0) == 1  # where all is zero
