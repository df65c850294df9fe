"""Calibrators: from the histogram of a tensor to its clip, the largest magnitude that is represented.

The symmetric int8 scale is clip / 127, the fp8 (e4m3) scale clip / 448. Exact zeros have no rounding
error under any clip; only the percentile counts them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ....errors import InputError
from ...settings.names import CALIBRATOR_NAMES
from .histogram import Histogram
from .noise import E4M3, INT8, LEAST_CLIP, NoiseFormat, noise_power, sqnr

Array = np.ndarray[Any, Any]
Calibrator = Callable[[Histogram], float]

LEVELS = 128  # magnitudes that int8 tells apart
CLIPPED_DIGITS, DB_DIGITS = 6, 2


def min_max(histogram: Histogram) -> float:
    """The largest magnitude: nothing is clipped."""
    return histogram.largest


def percentile(histogram: Histogram, percent: float = 99.99) -> float:
    """The magnitude that PERCENT of the elements, zeros included, do not exceed; linear within a bin."""
    bins = histogram.bins()
    if not bins.weights.size:
        return 0.0
    wanted = percent / 100 * histogram.finite - histogram.zeros
    reached = np.cumsum(bins.weights)
    place = min(int(np.searchsorted(reached, wanted)), reached.size - 1)
    before = reached[place] - bins.weights[place]
    share = min(max((wanted - before) / bins.weights[place], 0.0), 1.0)
    return float(bins.lower[place] + share * (bins.upper[place] - bins.lower[place]))


def entropy(histogram: Histogram) -> float:
    """The clip that loses the least information, as Kullback-Leibler divergence.

    S. Migacz, "8-bit Inference with TensorRT", GTC 2017 (session S7310): every candidate keeps the
    first i bins, at least 128; P is their distribution with all that lies beyond added to the last bin,
    Q the same bins without that, joined to 128 levels, each spread evenly over the bins of P in it that
    are not empty. The clip is (i + 1/2) bins for the i with the least KL(P, Q), here never more than
    the largest magnitude. Of equal candidates the one that clips least is taken.

    Here no candidate clips more than half of the elements: where magnitudes keep away from 0, as those of a
    sigmoid, P and Q of the lowest bin alone are equal, and their divergence would be 0.
    """
    counts = histogram.nonzero_counts().astype(np.float64)
    held = np.flatnonzero(counts)
    if not held.size:
        return 0.0
    # The range is less than twice the largest magnitude: at least 1024 bins are in use.
    candidates = np.arange(held[-1] + 1, LEVELS - 1, -1)
    reached = np.cumsum(counts)
    candidates = candidates[reached[candidates - 1] >= reached[-1] / 2]
    kept = int(candidates[np.argmin(_divergences(counts, candidates))])
    return min((kept + 0.5) * histogram.bin_width, histogram.largest)


def _divergences(counts: Array, candidates: Array) -> Array:
    """KL(P, Q) for every number of kept bins in CANDIDATES.

    With T the elements, S those in the kept bins, p = c / T, and Q in a level with G elements in n bins
    G / (n S), the sum of p log(p / q) is one over bins of c log c and one over levels of G log(G / n).
    """
    occupied = np.concatenate(([0.0], np.cumsum(counts > 0)))
    mass = np.concatenate(([0.0], np.cumsum(counts)))
    entropies = np.concatenate(([0.0], np.cumsum(_xlogx(counts))))
    total, kept = mass[-1], mass[candidates]
    last = counts[candidates - 1]
    clipped = total - kept
    edges = np.arange(LEVELS + 1) * candidates[:, None] // LEVELS
    sums, bins = np.diff(mass[edges], axis=1), np.diff(occupied[edges], axis=1)
    # Clipped elements make the last bin of P non-empty.
    bins[:, -1] += (clipped > 0) & (last == 0)
    levels = np.log(np.maximum(sums, 1.0)) - np.log(np.maximum(bins, 1.0))
    own = entropies[candidates] - _xlogx(last) + _xlogx(last + clipped)
    cross = np.sum(sums * levels, axis=1) + clipped * levels[:, -1]
    with np.errstate(divide="ignore"):
        divergence = (own - cross) / total - np.log(total) + np.log(kept)
    # If the last level holds clipped elements only, they have probability 0 in Q.
    return np.where((clipped > 0) & (sums[:, -1] == 0), np.inf, divergence)


def _xlogx(x: Array) -> Array:
    return np.asarray(x * np.log(np.maximum(x, 1.0)))


def least_noise(histogram: Histogram, form: NoiseFormat = INT8) -> float:
    """The clip with the least expected squared error in FORM: a coarse search, then a fine one around the
    best."""
    bins = histogram.bins()
    if not bins.weights.size:
        return 0.0
    coarse = histogram.largest * np.geomspace(2.0**-11, 1.0, 45)  # four to an octave
    coarse[-1] = histogram.largest
    best = int(np.argmin(noise_power(bins, coarse, form)))
    near = np.linspace(coarse[max(best - 1, 0)], coarse[min(best + 1, coarse.size - 1)], 25)
    candidates = np.append(near, coarse[best])
    return float(candidates[np.argmin(noise_power(bins, candidates, form))])


CALIBRATORS: Mapping[str, Calibrator] = MappingProxyType(
    dict(
        zip(
            CALIBRATOR_NAMES,
            (
                entropy,
                percentile,
                partial(percentile, percent=99.9),
                partial(percentile, percent=99.999),
                min_max,
                least_noise,
                partial(least_noise, form=E4M3),
            ),
            strict=True,
        )
    )
)


def check_calibrator(name: str) -> str:
    """NAME itself. Raises InputError if no calibrator has it."""
    if name not in CALIBRATORS:
        close = difflib.get_close_matches(str(name), CALIBRATORS, 1)
        known = f"these exist: {', '.join(CALIBRATORS)}"
        hint = f"is {close[0]} meant? {known}" if close else known
        raise InputError(f"there is no calibrator {name!r}", hint)
    return name


@dataclass(frozen=True)
class Estimate:
    """A clip, and the quantization noise that it is estimated to cause.

    clip: the largest magnitude that is represented, a float32 number, 0 where all elements are zero;
    clipped: the share of the finite elements beyond it; int8, fp8: the SQNR in dB when stored so,
    infinite where nothing is lost.
    """

    clip: float
    clipped: float
    int8: float
    fp8: float


def estimate(histogram: Histogram, clip: float) -> Estimate:
    """The estimate for CLIP, rounded to float32 and raised to the least clip with a normal scale.

    The figures are rounded as tables print them.
    """
    clip = float(np.float32(max(clip, LEAST_CLIP))) if clip > 0 else 0.0
    bins = histogram.bins()
    clipped = bins.beyond(clip) / histogram.finite if histogram.finite else 0.0
    decibels = (round(sqnr(bins, clip, form), DB_DIGITS) + 0.0 for form in (INT8, E4M3))  # no -0
    return Estimate(clip, float(f"{clipped:.{CLIPPED_DIGITS}g}"), *decibels)


class Estimates(Mapping[str, Estimate]):
    """The estimates of all calibrators from HISTOGRAM, by name, each made when it is first asked for: most
    builds need a single clip of each tensor. HISTOGRAM must not change."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._made: dict[str, Estimate] = {}

    def __getitem__(self, name: str) -> Estimate:
        if name not in self._made:
            self._made[name] = estimate(self._histogram, CALIBRATORS[name](self._histogram))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(CALIBRATORS)

    def __len__(self) -> int:
        return len(CALIBRATORS)
