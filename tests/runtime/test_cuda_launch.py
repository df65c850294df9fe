"""Launches as the driver is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fake_driver import FakeDriver
from .tiny_engines import batch, engine_on
from .tiny_plans import affine, affine_plan


def test_the_driver_is_told_of_clusters_and_of_cooperative_launches(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        first, second = manifest["launches"]
        first |= {"grid": [8, 1, 1], "cluster": [4, 2, 1], "shared_bytes": 200_000}
        first["grid"] = [8, 2, 1]
        second["cooperative"] = True

    x = batch(3)
    np.testing.assert_array_equal(engine_on(fake, affine_plan(change)).run({"x": x})["y"], affine(x))
    assert fake.attributes == [[("CLUSTER_DIMENSION", (4, 2, 1))], [("COOPERATIVE", 1)]]
    assert fake.launched == [("k0_double", False), ("k1_add", False)]
    assert fake.log.count("cuFuncSetAttribute") == 1


def test_a_plain_launch_has_no_attributes(fake: FakeDriver) -> None:
    engine_on(fake, affine_plan(), debug=True).run({"x": batch(3)})
    assert fake.attributes == [[], []]
