"""What the calibrators choose on distributions whose answer is known, and what they say it costs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.precision.scales import calibrators
from glassrt.compiler.precision.scales.calibrators import (
    CALIBRATORS,
    Estimates,
    check_calibrator,
    entropy,
    estimate,
    least_noise,
    percentile,
)
from glassrt.compiler.precision.scales.noise import E4M3, INT8, LEAST_CLIP, noise_power
from glassrt.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from .distributions import DISTRIBUTIONS, GAUSSIAN, OUTLIERS, RELU, UNIFORM, Array, of


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_a_uniform_distribution_keeps_nearly_its_maximum(calibrator: str) -> None:
    assert 1.94 < CALIBRATORS[calibrator](of(UNIFORM)) <= 2.0


@pytest.mark.parametrize("calibrator", ["entropy", "percentile", "percentile-99.9"])
def test_a_few_outliers_are_clipped(calibrator: str) -> None:
    found = Estimates(of(OUTLIERS))[calibrator]
    assert 3 < found.clip < 8 and 0 < found.clipped < 0.002


def test_the_squared_error_pulls_the_clip_towards_outliers_but_not_to_the_last() -> None:
    found = Estimates(of(OUTLIERS))["mse"]
    assert 5 < found.clip < 11 and found.clipped > 0


def test_min_max_clips_nothing() -> None:
    found = Estimates(of(OUTLIERS))["min-max"]
    assert (found.clip, found.clipped) == (12.0, 0.0)


@pytest.mark.parametrize("percent", [50.0, 99.0, 99.9, 99.99])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_percentile_is_that_of_the_samples(name: str, percent: float) -> None:
    histogram = of(DISTRIBUTIONS[name])
    magnitudes = np.abs(DISTRIBUTIONS[name])
    found, width = percentile(histogram, percent), histogram.bin_width
    assert np.mean(magnitudes <= found - width) <= percent / 100 <= np.mean(magnitudes <= found + width)


@pytest.mark.parametrize("form", [INT8, E4M3], ids=lambda form: form.name)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_no_clip_has_less_noise_than_that_of_least_noise(name: str, form: Any) -> None:
    histogram = of(DISTRIBUTIONS[name])
    clips = np.linspace(0.02, 1, 200) * histogram.largest
    best = noise_power(histogram.bins(), clips, form).min()
    chosen = noise_power(histogram.bins(), np.array([least_noise(histogram, form)]), form)[0]
    assert chosen <= 1.01 * best


def slow_divergence(counts: Array, kept: int) -> float:
    """KL(P, Q) as the talk has it, level by level."""
    reference = counts[:kept].astype(float)
    candidate = reference.copy()
    reference[-1] += counts[kept:].sum()
    expanded = np.zeros(kept)
    edges = [level * kept // 128 for level in range(129)]
    for low, high in pairwise(edges):
        occupied = reference[low:high] > 0
        if occupied.any():
            expanded[low:high][occupied] = candidate[low:high].sum() / occupied.sum()
    p, q = reference / reference.sum(), expanded / expanded.sum()
    if (q[p > 0] == 0).any():
        return math.inf
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))


@pytest.mark.parametrize("name", ["gaussian", "outliers", "relu"])
def test_entropy_is_the_least_divergence_of_the_definition(name: str) -> None:
    histogram = of(DISTRIBUTIONS[name][:5000])
    counts = histogram.nonzero_counts()
    last = int(np.flatnonzero(counts)[-1]) + 1
    chosen = min(round(entropy(histogram) / histogram.bin_width - 0.5), last)
    others = {*range(128, last, 23), *range(chosen - 3, min(chosen + 4, last + 1)), last}
    least = min(slow_divergence(counts, kept) for kept in others)
    assert slow_divergence(counts, chosen) == pytest.approx(least, rel=1e-9) and least < math.inf


# ---------------------------------------------------------------- degenerate tensors


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_zeros_have_no_clip_and_lose_nothing(calibrator: str) -> None:
    found = Estimates(of(np.zeros(10)))[calibrator]
    assert (found.clip, found.clipped, found.int8, found.fp8) == (0.0, 0.0, math.inf, math.inf)
    assert INT8.scale(0.0) == E4M3.scale(0.0) == 1


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("samples", [[2.5], [-0.3] * 50, [1e30] * 3, [0.0, 0.0, -7.0]])
def test_a_single_magnitude_is_kept_exactly(samples: list[float], calibrator: str) -> None:
    found = Estimates(of(samples))[calibrator]
    assert found.clip == np.abs(np.float32(samples)).max()
    assert (found.clipped, found.int8, found.fp8) == (0.0, math.inf, math.inf)


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("size", [1e-45, 1e-42, 1e-37, 1e-30, 1e30, 3e37])
def test_tiny_and_huge_values_have_usable_scales(size: float, calibrator: str) -> None:
    samples = (GAUSSIAN[:2000] * size).astype(np.float32)
    found = Estimates(of(samples))[calibrator]
    assert LEAST_CLIP <= found.clip <= np.finfo(np.float32).max
    for form in (INT8, E4M3):
        assert np.finfo(np.float32).tiny <= form.scale(found.clip) < np.inf
    if size > 1e-35:
        assert 25 < found.int8 < 50 and 25 < found.fp8 < 40


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@settings(max_examples=25)
@given(npst.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32)))
def test_any_tensor_has_a_clip_within_its_range(calibrator: str, samples: Array) -> None:
    histogram = of(samples)
    found = estimate(histogram, CALIBRATORS[calibrator](histogram))
    assert (found.clip > 0) == (histogram.largest > 0)
    assert found.clip <= max(histogram.largest, np.float32(LEAST_CLIP))
    assert 0 <= found.clipped <= 1 and not math.isnan(found.int8) and not math.isnan(found.fp8)


@pytest.mark.parametrize("spread", [0.3, 0.5, 1.0])
def test_magnitudes_that_keep_away_from_zero_are_not_clipped_to_the_least(spread: float) -> None:
    """Those of a sigmoid: a candidate of the lowest bin alone has no divergence from itself."""
    x = np.random.default_rng(3).normal(0, spread, 100_000)
    found = Estimates(of((1 / (1 + np.exp(-x))).astype(np.float32)))["entropy"]
    assert found.clipped < 0.02


def test_many_zeros_do_not_push_the_entropy_clip_down() -> None:
    padded = np.concatenate([RELU, np.zeros(900_000)])
    assert entropy(of(padded)) == entropy(of(RELU))


def test_sparse_tensors_keep_a_percentile_above_zero() -> None:
    samples = np.zeros(100_000)
    samples[0] = 5.0
    assert percentile(of(samples)) > 0


def test_an_unknown_calibrator_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no calibrator 'entropie'"):
        check_calibrator("entropie")


def test_estimates_are_made_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    counting = {name: lambda histogram, name=name: asked.append(name) or 1.0 for name in CALIBRATORS}
    monkeypatch.setattr(calibrators, "CALIBRATORS", counting)
    found = Estimates(of(OUTLIERS))
    assert list(found) == list(CALIBRATORS) and not asked
    assert found["mse"] is found["mse"] and asked == ["mse"]
    assert found == dict(found) and sorted(asked) == sorted(CALIBRATORS)
