"""When two results of a network agree: the bound that `glassrt check` holds networks to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from glassrt.compiler.checking.measures import error_of, network_bound, roundoff
from glassrt.dialects.core.dtypes import BF16, F16, F32, TF32

Array = np.ndarray[Any, Any]

# What a network of a few layers may have of it.
SMALL = 0.25
FORMATS = {"fp32": F32, "tf32": TF32, "fp16": F16, "bf16": BF16}


def distance(results: Mapping[str, Array], expected: Mapping[str, Array], precision: str) -> float:
    """The largest error of RESULTS against EXPECTED, in parts of what a network of PRECISION may have."""
    assert results.keys() == expected.keys()
    unit = roundoff(FORMATS[precision])
    worst = 0.0
    for name, want in expected.items():
        have = np.asarray(results[name])
        assert have.shape == want.shape and np.isfinite(have).all() and np.isfinite(want).all()
        worst = max(worst, error_of(have, want, unit).relative_l2 / network_bound(unit))
    return worst
