"""Samples whose distribution is known, their histograms, and what eight bits make of them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from glassrt.compiler.precision.scales.histogram import Histogram

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(3)

UNIFORM = RNG.uniform(-2, 2, 100_000)
GAUSSIAN = RNG.standard_normal(100_000)
OUTLIERS = np.concatenate([GAUSSIAN, [9.0, -11.0, 12.0]])
RELU = np.maximum(GAUSSIAN, 0)
LAPLACE = RNG.laplace(size=100_000)
DISTRIBUTIONS = {
    "uniform": UNIFORM,
    "gaussian": GAUSSIAN,
    "outliers": OUTLIERS,
    "relu": RELU,
    "laplace": LAPLACE,
}


def of(samples: Any) -> Histogram:
    histogram = Histogram()
    histogram.add(np.asarray(samples, np.float32))
    return histogram


def quantized(x: Array, clip: float, form: str) -> Array:
    """X stored in FORM and read back, by the types' own rounding."""
    if form == "int8":
        scale = clip / 127
        return np.clip(np.rint(x / scale), -127, 127) * scale
    scale = clip / 448
    return (
        np.clip(x / scale, -448, 448).astype(np.float32).astype(ml_dtypes.float8_e4m3fn).astype(float) * scale
    )


def measured(x: Array, clip: float, form: str) -> float:
    """The SQNR of the samples themselves, in dB."""
    error = x - quantized(x, clip, form)
    return float(10 * np.log10(np.sum(x**2) / np.sum(error**2)))
