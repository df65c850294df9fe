"""Quantized networks that several checks are about."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.dialects.core.dtypes import DType

Array = np.ndarray[Any, Any]


def numbers(dtype: DType) -> Array:
    found = np.arange(256, dtype=np.uint8).view(dtype.numpy).astype(np.float64)
    return np.unique(found[np.isfinite(found)])
