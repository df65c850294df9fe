"""A finished plan is checked: right ones are, one with a wrong weight or kernel is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt import InputError, PlanError
from glassrt.compiler.checking.plan_check import LAUNCH_LEVEL, check_plan, plan_inputs

from ..comparison.plans import X, network, plan

WHOLE = plan(apart=("mm", "relu"))


def test_a_right_plan_is_right_by_its_own_ops_and_by_its_model() -> None:
    found = check_plan(WHOLE, {"x": X}, "host")
    assert found.ok and found.witness.name == LAUNCH_LEVEL and found.symbols == {"N": 3}
    assert len(found.launches) == len(WHOLE.spec.launches)
    model = check_plan(WHOLE, {"x": X}, "host", reference=network())
    assert model.ok and model.witness.name == "ONNX Runtime"


def test_a_wrong_kernel_is_found() -> None:
    name = next(launch.kernel for launch in WHOLE.spec.launches if "relu" in launch.nodes)
    source = WHOLE.sources[name].replace("m_max(", "m_min(")
    assert source != WHOLE.sources[name]
    found = check_plan(replace(WHOLE, sources={**WHOLE.sources, name: source}), {"x": X}, "host")
    assert not found.ok and not found.fits(found.launches[0])


def test_a_wrong_weight_is_an_error() -> None:
    weights = bytearray(bytes(WHOLE.weights))
    weights[3] ^= 0x40
    with pytest.raises(PlanError, match="does not match its hash"):
        check_plan(replace(WHOLE, weights=bytes(weights)), {"x": X}, "host")


def test_inputs_are_given_or_random() -> None:
    found = plan_inputs(WHOLE, None, {"N": 5}, 0, print)
    assert found["x"].shape == (5, 8)
    np.testing.assert_equal(plan_inputs(WHOLE, {"x": X, "y": X}, {}, 0, print), {"x": X})
    with pytest.raises(InputError):
        plan_inputs(WHOLE, {"y": X}, {}, 0, print)
