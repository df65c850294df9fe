"""The device cuda: a plan on it gives what it computes, with its weights uploaded once."""

from __future__ import annotations

import numpy as np
from glassrt.runtime import Plan
from glassrt.runtime.cuda import driver_version
from glassrt.runtime.cuda_driver import Driver
from hypothesis import given, settings
from hypothesis import strategies as st

from .fake_driver import FakeDriver
from .tiny_engines import batch, engine_on
from .tiny_plans import affine


@settings(max_examples=20)
@given(st.lists(st.integers(1, 32), min_size=1, max_size=5))
def test_numpy_in_and_out(plan: Plan, sizes: list[int]) -> None:
    engine = engine_on(FakeDriver(), plan)
    for size in sizes:
        x = batch(size)
        np.testing.assert_array_equal(engine.run({"x": x})["y"], affine(x))


def test_weights_are_uploaded_once(fake: FakeDriver, plan: Plan) -> None:
    engine = engine_on(fake, plan)
    for size in (1, 2):
        engine.run({"x": batch(size)})
    assert fake.log.count("cuMemcpyHtoD") == 1


def test_the_driver_has_a_version(fake: FakeDriver) -> None:
    major, _, minor = driver_version(Driver(fake)).partition(".")
    assert major.isdigit() and minor.isdigit()
