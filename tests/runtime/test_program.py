"""Programs: the plan at the sizes of a run."""

from __future__ import annotations

import pytest
from glassrt.errors import PlanError
from glassrt.runtime.program import resolve

from .bad_manifests import put
from .tiny_plans import affine_plan


def test_resolve_checks_shapes_between_the_corners() -> None:
    """A size that is wrong only between min, opt and max is found when that shape is asked for."""
    bump = ["*", ["max", 0, ["-", 1, ["max", ["-", "N", 16], ["-", 16, "N"]]]], 4096]
    plan = affine_plan(put("buffers", 2, "bytes", ["+", ["*", "N", 16], bump]))
    assert resolve(plan.spec, {"N": 15}).launches
    with pytest.raises(PlanError, match="'N' = 16"):
        resolve(plan.spec, {"N": 16})
