"""Estimates the quantization noise of storing a tensor in eight bits, from its histogram.

Elements are assumed to be spread evenly within a bin, and the squared rounding error is integrated over the
bin in closed form. Beyond the clip values saturate, so the error is the distance to the clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .histogram import Bins

Array = np.ndarray[Any, Any]

# An e4m3 number has 3 bits after its leading one; below 2^-6 they are subnormal, with the same steps.
# OCP 8-bit Floating Point Specification (OFP8), revision 1.0: the largest number is 448.
E4M3_STEPS, E4M3_LEAST, E4M3_MOST = 8, -6, 8


@dataclass(frozen=True)
class NoiseFormat:
    """An eight-bit format with a symmetric scale: numbers are n * scale, |n| at most `top`.

    integral: the integral from 0 to v, at most `top`, of the squared distance to the nearest number of
    the format; error: that distance at v.
    """

    name: str
    top: float
    integral: Callable[[Array], Array]
    error: Callable[[Array], Array]

    def scale(self, clip: float) -> np.float32:
        """The float32 scale with which CLIP is the largest magnitude; 1 for 0, where all is zero."""
        return np.float32(clip / self.top) if clip else np.float32(1.0)


def _steps(v: Array) -> Array:
    """The integral of the squared distance to the nearest integer, from 0 to V."""
    whole = np.floor(v + 0.5)
    return whole / 12 + (v - whole) ** 3 / 3


def _integer_error(v: Array) -> Array:
    return np.asarray(v - np.floor(v + 0.5))


def _binades() -> Array:
    """The integral of the squared rounding error of e4m3 from 0 to 2^k, for k from the least to the most."""
    total, sums = 0.0, [0.0]
    for k in range(E4M3_LEAST, E4M3_MOST):
        steps = 2 * E4M3_STEPS if k == E4M3_LEAST else E4M3_STEPS
        total += steps * math.ldexp(1.0, k - 3) ** 3 / 12
        sums.append(total)
    return np.array(sums)


_BINADES = _binades()


def _e4m3_grid(v: Array) -> tuple[Array, Array, Array]:
    """The binade of V as a number from 0, where it starts, and its step; the lowest starts at 0."""
    exponent = np.clip(np.frexp(v)[1] - 1, E4M3_LEAST, E4M3_MOST)
    start = np.where(exponent > E4M3_LEAST, np.ldexp(1.0, exponent), 0.0)
    return exponent - E4M3_LEAST, start, np.ldexp(1.0, exponent - 3)


def _e4m3_integral(v: Array) -> Array:
    binade, start, step = _e4m3_grid(v)
    return np.asarray(_BINADES[binade] + step**3 * _steps((v - start) / step))


def _e4m3_error(v: Array) -> Array:
    _, start, step = _e4m3_grid(v)
    return np.asarray(step * _integer_error((v - start) / step))


INT8 = NoiseFormat("int8", 127.0, _steps, _integer_error)
E4M3 = NoiseFormat("fp8", 448.0, _e4m3_integral, _e4m3_error)
FORMATS = {form.name: form for form in (INT8, E4M3)}

# The least clip other than 0, whose scale is a normal float32 number in every format, and the largest.
LEAST_CLIP, MOST_CLIP = 448.0 * 2.0**-126, float(np.finfo(np.float32).max)


def noise_power(bins: Bins, clips: Array, form: NoiseFormat) -> Array:
    """The sum of squared errors when the elements are stored in FORM, for every one of CLIPS > 0."""
    scale = np.asarray(clips, np.float64)[:, None] / form.top
    low, high = bins.lower / scale, bins.upper / scale
    width = high - low
    inside = form.integral(np.minimum(high, form.top)) - form.integral(np.minimum(low, form.top))
    over_low, over_high = np.maximum(low - form.top, 0.0), np.maximum(high - form.top, 0.0)
    spread = inside + (over_high**3 - over_low**3) / 3
    # All elements of a bin without width are equal.
    point = form.error(np.minimum(high, form.top)) ** 2 + over_high**2
    mean = np.where(width > 0, spread / np.where(width > 0, width, 1.0), point)
    return np.asarray((scale[:, 0] ** 2) * (np.maximum(mean, 0.0) @ bins.weights))


def signal_power(bins: Bins) -> float:
    """The sum of the squares of the elements."""
    squares = (bins.lower**2 + bins.lower * bins.upper + bins.upper**2) / 3
    return float(squares @ bins.weights)


def sqnr(bins: Bins, clip: float, form: NoiseFormat) -> float:
    """The SQNR in dB of elements stored in FORM with CLIP; infinite where nothing is lost."""
    noise = float(noise_power(bins, np.array([clip]), form)[0]) if clip else 0.0
    signal = signal_power(bins)
    # A smaller ratio is within the rounding error of this estimate.
    return 10 * math.log10(signal / noise) if noise > signal * 2.0**-90 else math.inf
