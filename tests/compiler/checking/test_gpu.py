"""Checks on a real GPU: the plan's own machine code, observed without being changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from glassrt.compiler.checking.accuracy import AccuracyObserver
from glassrt.compiler.checking.check import Case, check
from glassrt.compiler.driver.build import build, present_arch
from glassrt.dialects.core.module import Module
from glassrt.runtime import Engine

from .small import images, settings

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_kernels_of_the_gpu_are_within_their_bounds(small: Callable[[], Module], precision: str) -> None:
    module = small()
    report = check(Case(module, module, images(3)), on_gpu(precision), "cuda")
    assert report.ok and report.device == "cuda:0"
    assert all(launch.total is not None for launch in report.launches)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_graph_and_the_traced_run_agree_to_the_last_bit(
    small: Callable[[], Module], precision: str
) -> None:
    plan = build(small(), on_gpu(precision)).plan
    with Engine(plan, "cuda") as engine:
        for batch in (1, 4):
            inputs = images(batch)
            observer = AccuracyObserver(plan, inputs, {"N": batch})
            traced = engine.trace(inputs, observer)["y"]
            assert traced.tobytes() == engine.run(inputs)["y"].tobytes()


def on_gpu(precision: str):
    """Settings for the GPU that is here."""
    target = present_arch()
    assert target is not None
    return replace(settings(precision), targets=(target,))
