"""Launches as the driver is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.runtime import Plan

from .fake_driver import FakeDriver
from .tiny_engines import batch, engine_on
from .tiny_plans import ADD, DOUBLE, affine, affine_plan

SOURCES = {"k0_double": DOUBLE, "k0_twice": DOUBLE, "k1_add": ADD}


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


def test_nothing_overlaps_a_cooperative_launch(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["launches"][0]["cooperative"] = True

    x = batch(3)
    np.testing.assert_array_equal(engine_on(fake, affine_plan()).run({"x": x})["y"], affine(x))
    np.testing.assert_array_equal(engine_on(fake, affine_plan(change)).run({"x": x})["y"], affine(x))
    assert [overlaps for kernel, overlaps in fake.launched if kernel == "k1_add"] == [True, False]


def test_the_driver_is_asked_for_clusters_that_not_all_gpus_have(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        first, _ = manifest["launches"]
        first |= {"grid": [16, 2, 1], "cluster": [16, 1, 1]}

    x = batch(3)
    np.testing.assert_array_equal(engine_on(fake, affine_plan(change)).run({"x": x})["y"], affine(x))
    assert fake.attributes[0] == [("CLUSTER_DIMENSION", (16, 1, 1))]
    assert fake.limits == [("k0_double", 1)]


def test_a_plain_launch_has_no_attributes(fake: FakeDriver) -> None:
    engine_on(fake, affine_plan(), debug=True).run({"x": batch(3)})
    assert fake.attributes == [[], []]


def in_one_module(manifest: dict[str, Any]) -> None:
    for kernel in manifest["kernels"].values():
        kernel["module"] = "both"


def test_kernels_of_one_module_are_loaded_once(fake: FakeDriver) -> None:
    plan = affine_plan(in_one_module, cubins={"sm_90a": {"both": b"cubin of both"}})
    x = batch(3)
    np.testing.assert_array_equal(engine_on(fake, plan).run({"x": x})["y"], affine(x))
    assert fake.log.count("cuModuleLoadData") == 1 and fake.log.count("cuModuleGetFunction") == 2
    assert b"cubin of both" in plan.to_bytes() and Plan.from_bytes(plan.to_bytes()) == plan


def test_kernels_that_are_one_function_have_the_shared_memory_that_either_needs(fake: FakeDriver) -> None:
    def change(manifest: dict[str, Any]) -> None:
        in_one_module(manifest)
        double = manifest["kernels"]["k0_double"]
        manifest["kernels"]["k0_twice"] = double
        last = {**manifest["launches"][0], "kernel": "k0_twice"}
        manifest["launches"].insert(1, last)
        manifest["launches"][0] |= {"shared_bytes": 200_000}
        last |= {"shared_bytes": 60_000}

    plan = affine_plan(change, cubins={"sm_90a": {"both": b"cubin of both"}}, sources=SOURCES)
    engine_on(fake, plan)
    assert fake.limits == [("k0_double", 200_000)] * 2
