"""Smoothing: how far each channel of a tensor is scaled down so that one step of eight bits suits all.

    matmul(x, w)  =>  matmul(x / s, s * w)

with a factor s for each channel of x, that is, each row of w (Xiao et al., "SmoothQuant", 2023):
s = max|x|^alpha / max|w|^(1 - alpha). A channel whose numbers are a hundred times those of the others leaves
these few steps; weights have a scale per output channel, and room for it. Factors are powers of two, so that
nothing is rounded where they are multiplied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ....errors import InputError

Array = np.ndarray[Any, Any]
Exponents = np.ndarray[Any, np.dtype[np.int64]]
MOST_EXPONENT = 8  # of a factor, so that weights that stay f16 do not overflow
LEAST_EXPONENT = 2  # of a tensor's largest factor


def check_smooth(alpha: float | None) -> None:
    """Raise InputError for an ALPHA that is not between 0 and 1."""
    if alpha is not None and not 0 <= alpha <= 1:
        raise InputError(
            f"a share of the range between 0 and 1 is smoothed into the weights, not {alpha}",
            "0.5 is usual; where activations have outliers up to 0.8",
        )


def exponents(maxima: Array, weights: Iterable[Array], alpha: float) -> Exponents:
    """The exponents of two of the factors of channels with these MAXIMA, which products with WEIGHTS,
    [.., channels, columns], read; relative to their median, and 0 where a channel or its weights have no
    finite size. None is negative: an input larger than calibration saw may be clipped, but must not
    overflow f16 for having been made larger. All are 0 where none reaches LEAST_EXPONENT: such a tensor
    has no outliers."""
    largest = np.zeros(len(maxima))
    for array in weights:
        others = tuple(axis for axis in range(array.ndim) if axis != array.ndim - 2)
        largest = np.maximum(largest, np.abs(array.astype(np.float64)).max(axis=others, initial=0.0))
    sizes = np.asarray(maxima, np.float64)
    sound = np.isfinite(sizes) & (sizes > 0) & np.isfinite(largest) & (largest > 0)
    found = np.zeros(len(maxima))
    found[sound] = alpha * np.log2(sizes[sound]) - (1 - alpha) * np.log2(largest[sound])
    if sound.any():
        found[sound] -= np.median(found[sound])
    powers = np.clip(np.rint(found), 0, MOST_EXPONENT).astype(np.int64)
    return powers if powers.max(initial=0) >= LEAST_EXPONENT else np.zeros_like(powers)
