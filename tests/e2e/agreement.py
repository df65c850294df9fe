"""When two results of a network agree.

A network of L kernels rounds its activations L times, each time by at most u of the element type
that tensors are stored in, or of the format that they are multiplied in. Errors are measured
against the largest result, in units of u * L.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROUNDING = {"fp32": 2.0**-24, "tf32": 2.0**-11, "fp16": 2.0**-11, "bf16": 2.0**-8}
# Sums in another order err by more than their result's rounding, but only fp32 is fine enough to show it.
ALLOWED = {"fp32": 8.0, "tf32": 1.0, "fp16": 1.0, "bf16": 1.0}


def distance(
    results: Mapping[str, Array], expected: Mapping[str, Array], precision: str, launches: int
) -> float:
    """The largest difference of RESULTS from EXPECTED, in roundings of PRECISION by LAUNCHES kernels."""
    assert results.keys() == expected.keys()
    worst = 0.0
    for name, want in expected.items():
        have = np.asarray(results[name], np.float64)
        assert have.shape == want.shape and np.isfinite(have).all() and np.isfinite(want).all()
        scale = float(np.abs(want).max()) * ROUNDING[precision] * launches
        worst = max(worst, float(np.abs(have - want).max()) / scale)
    return worst
