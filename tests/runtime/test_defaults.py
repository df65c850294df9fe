"""Plans with inputs that a run may leave out, on every device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine, Plan

from .fake_driver import FakeDriver
from .tiny_engines import engine_on
from .tiny_plans import COLUMNS, WEIGHTS, affine, affine_plan, real_headers


def with_default(**default: Any) -> Plan:
    """The plan for y = 2 * x + w, whose input x may be left out."""
    return affine_plan(
        lambda manifest: manifest.update({"defaults": {"x": {"offset": 0, "shape": [1, COLUMNS]} | default}}),
        headers=real_headers(),
    )


def test_a_run_without_it_takes_the_weight(fake: FakeDriver) -> None:
    plan = Plan.from_bytes(with_default().to_bytes())
    x = np.ones((3, COLUMNS), np.float32)
    with Engine(plan, "host") as engine:
        for device in (engine, engine_on(fake, plan)):
            np.testing.assert_array_equal(device.run({})["y"], affine(WEIGHTS[None]))
            np.testing.assert_array_equal(device.run({"x": x})["y"], affine(x))
            with pytest.raises(InputError, match="wrong names") as caught:
                device.run({"z": x})
            assert str(caught.value).splitlines()[2:4] == [
                f"  given:  'z': float32[3, {COLUMNS}]",
                f"  default: 'x': f32[1, {COLUMNS}]",
            ]


def test_it_may_be_empty() -> None:
    default = with_default(offset=16, shape=[0, COLUMNS]).spec.defaults["x"]
    assert default.within(WEIGHTS.tobytes()).shape == (0, COLUMNS)


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ({"shape": [COLUMNS]}, "has 1 dimensions, the input has 2"),
        ({"shape": [2, COLUMNS]}, "reaches beyond the weights"),
        ({"offset": 4}, "reaches beyond the weights"),
        ({"offset": -1}, "'offset'"),
    ],
)
def test_one_that_does_not_fit_is_a_plan_error(default: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        with_default(**default)


def test_one_of_no_input_is_a_plan_error() -> None:
    defaults = {"z": {"offset": 0, "shape": []}}
    with pytest.raises(PlanError, match="default of 'z' is of no input"):
        affine_plan(lambda manifest: manifest.update({"defaults": defaults}))
