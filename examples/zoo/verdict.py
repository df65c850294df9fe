"""Whether an architecture is right: ‖ours - exact‖ / ‖exact‖ of the first output, where PyTorch in float64
is exact.

What detectors find is compared as a set. Random weights make PyTorch in the same precision worse than the
bounds at times: then twice its error is enough, and the verdict says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

BOUNDS = {"fp32": 1e-4, "fp16": 64 * 2.0**-11}
DETECTED = {"fp32": 1e-4, "fp16": 0.1}
RIGHT, AS_PYTORCH, WRONG = "right", "as PyTorch", "wrong"


def verdict(row: Mapping[str, Any], detects: bool) -> str:
    """What is said of ROW, which has the errors of each precision; DETECTS: of a detector."""
    bounds = DETECTED if detects else BOUNDS
    if "fp16" not in row:
        return WRONG
    if all(row[precision]["error"] <= bound for precision, bound in bounds.items()):
        return RIGHT
    return AS_PYTORCH if all(_like_pytorch(row[each], bound) for each, bound in bounds.items()) else WRONG


def _like_pytorch(found: Mapping[str, float], bound: float) -> bool:
    """Whether the error is within BOUND, or twice PyTorch's, where that is a number."""
    error = found.get("peer", 0.0)
    return found["error"] <= max(bound, 2 * error if math.isfinite(error) else 0.0)
