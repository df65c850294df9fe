"""What scaling weights costs when they are stored in few bits.

Rounding is relative and costs nothing more for a scale, but at the ends of a type's range: beyond the
largest number weights become infinite, below the smallest normal one they lose bits, or become zero.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Module
from ..patterns.channel_scale import Contraction, by_channel, weight_of
from ..patterns.matching import constant_array
from ..settings.policy import PrecisionPolicy

Array = np.ndarray[Any, Any]

# Channels so much weaker than the strongest are dead: next to it, 16 bits have no normal numbers for them.
NEGLIGIBLE = 2.0**-14


def stored_weights(op: Contraction, policy: PrecisionPolicy) -> DType:
    """The type that the weights of OP are stored in. Eight bits have scales of their own, per channel."""
    own = weight_of(op).type.dtype
    format = policy.format_of(op)
    return own if format.quantizes else format.stored(own)


def scaling_cost(op: Contraction, scale: Array, dtype: DType, module: Module) -> str:
    """Why the weights of OP, one of DTYPE, should not be multiplied by SCALE per output channel; empty when
    nothing is lost that is not lost without, or a bit of what is far smaller than most weights are."""
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
        return f"scaled weights reach {far:.2g}, and {dtype} ends at {end:.5g}"
    if under.any():
        small, least = float(scaled[under].min()), float(limits.smallest_normal)
        return f"scaled weights are about {small:.2g}, and {dtype} loses bits below {least:.2g}"
    return ""


def _usual(channels: Array) -> Array:
    """The root mean square of each channel, added up in f32, which is fast, where the weights are no f64."""
    wide = channels.astype(np.promote_types(channels.dtype, np.float32), copy=False)
    squares: Array = np.einsum("ij,ij->i", wide, wide)
    return np.asarray(np.sqrt(squares.astype(np.float64) / channels.shape[1]))
