"""The precision that weights in a narrow type lose by scaling.

Rounding errors are relative, so a scale adds none, except at the ends of the type's range: above the
largest number weights overflow to infinity, below the smallest normal number they lose bits or become 0.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ...dialects.core.dtypes import DType
from ...dialects.core.module import Module
from ..patterns.channel_scale import Contraction, by_channel, weight_of
from ..patterns.matching import constant_array
from ..settings.policy import PrecisionPolicy

Array = np.ndarray[Any, Any]

# A channel weaker than the strongest by this factor is dead: f16 has no normal numbers for both.
NEGLIGIBLE = 2.0**-14


def stored_weights(op: Contraction, policy: PrecisionPolicy) -> DType:
    """The type that POLICY stores the weights of OP in; their own for 8-bit formats, which have scales."""
    own = weight_of(op).type.dtype
    format = policy.format_of(op)
    return own if format.quantizes else format.stored(own)


def scaling_cost(op: Contraction, scale: Array, dtype: DType, module: Module) -> str:
    """Why the weights of OP, stored in DTYPE, should not be multiplied by SCALE.

    SCALE has one number per output channel. Empty when scaling loses nothing, or only bits of channels that
    are negligibly small.
    """
    weight = constant_array(weight_of(op), module)
    assert weight is not None
    channels = by_channel(op, weight)
    if channels.size == 0:
        return ""
    limits = ml_dtypes.finfo(dtype.numpy)
    factor = np.abs(np.broadcast_to(scale, channels.shape[:1]))
    with np.errstate(all="ignore"):
        largest = np.maximum(channels.max(axis=1), -channels.min(axis=1)).astype(np.float64)
        usual = _usual(channels)
        over = (largest * factor > float(limits.max)) & (largest <= float(limits.max))
        scaled = usual * factor
        alive = scaled > scaled.max() * NEGLIGIBLE
        under = (scaled < float(limits.smallest_normal) / 2) & (factor < 1) & alive
    if over.any():
        far, end = float((largest * factor)[over].max()), float(limits.max)
        return f"scaled weights would reach {far:.2g}, and the largest {dtype} is {end:.5g}"
    if under.any():
        small, least = float(scaled[under].min()), float(limits.smallest_normal)
        return f"scaled weights would be about {small:.2g}, and {dtype} loses bits below {least:.2g}"
    return ""


def _usual(channels: Array) -> Array:
    """The root mean square of each channel, accumulated in f32 (f64 for f64 weights)."""
    wide = channels.astype(np.promote_types(channels.dtype, np.float32), copy=False)
    squares: Array = np.einsum("ij,ij->i", wide, wide)
    return np.asarray(np.sqrt(squares.astype(np.float64) / channels.shape[1]))
