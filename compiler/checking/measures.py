"""Error measures between arrays, unit roundoffs, and the losses from storing values in a type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from ...dialects.core.dtypes import F32, DType
from ..passes.semantics import SIGNIFICAND_BITS
from ..settings.policy import PrecisionPolicy

Array = np.ndarray[Any, Any]

# The relative L2 error that a network may have, in unit roundoffs; see docs/architecture.md.
NETWORK_ROUNDOFFS, SHORT_NETWORK_ROUNDOFFS = 256, 64


@dataclass(frozen=True)
class Error:
    """The error of an array against a reference.

    max_abs: the largest absolute difference; relative_l2: ‖difference‖/‖reference‖; roundoffs: the largest
    difference in unit roundoffs of the largest magnitude of the reference. All are infinite where only one
    array has a NaN or an infinity, and where the shapes differ.
    """

    max_abs: float = 0.0
    relative_l2: float = 0.0
    roundoffs: float = 0.0


def roundoff(dtype: DType) -> float:
    """The unit roundoff of DTYPE: half the spacing of its numbers at 1; 0 for types that do not round."""
    return 2.0 ** -SIGNIFICAND_BITS[dtype.name] if dtype.is_float else 0.0


def policy_roundoff(policy: PrecisionPolicy) -> float:
    """The coarsest unit roundoff that POLICY asks for."""
    return max(roundoff(dtype) for each in policy.formats for dtype in (each.storage, each.multiply))


def network_bound(unit: float) -> float:
    """The error bound, a relative L2 error, of a network whose storage type has the unit roundoff UNIT."""
    return unit * (NETWORK_ROUNDOFFS if unit <= roundoff(F32) else SHORT_NETWORK_ROUNDOFFS)


def error_of(have: Array, want: Array, unit: float) -> Error:
    """The error of HAVE against the reference WANT; UNIT is the unit roundoff that `roundoffs` counts in."""
    # Checked first, because arrays of different shapes may broadcast.
    if have.shape != want.shape:
        return Error(math.inf, math.inf, math.inf)
    have, want = have.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        difference = np.abs(np.where(same, 0.0, have - want))
    if not np.isfinite(difference).all():
        return Error(math.inf, math.inf, math.inf)
    largest = largest_finite(difference)
    return Error(
        largest,
        _ratio(_norm(difference), _norm(np.where(np.isfinite(want), want, 0.0))),
        _ratio(largest, unit * largest_finite(want)),
    )


def largest_finite(array: Array) -> float:
    """The largest finite magnitude in ARRAY; 0 where there is none."""
    magnitude = np.abs(array.astype(np.float64))
    return float(np.where(np.isfinite(magnitude), magnitude, 0.0).max(initial=0.0))


def _norm(array: Array) -> float:
    """The L2 norm, scaled so that no square overflows."""
    scale = float(np.abs(array).max(initial=0.0))
    return scale * float(np.linalg.norm((array / scale).reshape(-1))) if scale else 0.0


def _ratio(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf


@dataclass(frozen=True)
class MeasuredRange:
    """The values of a tensor that are outside the dynamic range of its storage type.

    overflows: how many are beyond the largest finite number of the type; subnormals: how many are nonzero,
    below the smallest normal number, and lose bits; vanished: how many of these become zero; largest: the
    largest magnitude; nonzero: how many values are not zero.
    """

    overflows: int = 0
    subnormals: int = 0
    vanished: int = 0
    largest: float = 0.0
    nonzero: int = 0

    def joined(self, other: MeasuredRange) -> MeasuredRange:
        """The counts of both, which are of one tensor at two times."""
        return MeasuredRange(
            self.overflows + other.overflows,
            self.subnormals + other.subnormals,
            self.vanished + other.vanished,
            max(self.largest, other.largest),
            self.nonzero + other.nonzero,
        )


def range_of(values: Array, stored: DType) -> MeasuredRange:
    """Count the exact VALUES outside the range of the type STORED; zero counts for types as wide as f32."""
    if not stored.is_float or stored.bits >= F32.bits:
        return MeasuredRange()
    limits = ml_dtypes.finfo(stored.numpy)
    exact = values.astype(np.float64)
    magnitude = np.abs(exact)
    finite = np.isfinite(magnitude)
    small = (magnitude > 0) & (magnitude < float(limits.smallest_normal))
    with np.errstate(all="ignore"):
        rounded = np.where(small, exact, 0.0).astype(stored.numpy).astype(np.float64)
    return MeasuredRange(
        overflows=int(np.count_nonzero(finite & (magnitude > float(limits.max)))),
        subnormals=int(np.count_nonzero(small & (rounded != exact))),
        vanished=int(np.count_nonzero(small & (rounded == 0))),
        largest=largest_finite(magnitude),
        nonzero=int(np.count_nonzero(magnitude)),
    )
