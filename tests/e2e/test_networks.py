"""Small networks of every style: ONNX in, all levels, the host device, against ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import read_ir
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import LEVELS, Plan
from onnx import ModelProto

from ..models import run_onnxruntime
from .agreement import SMALL, Array, distance
from .dumps import body_of
from .networks import NETWORKS, feeds

LOWERED = ("precision", "launch")  # the levels that know how values are stored


@dataclass(frozen=True)
class Built:
    """A network, its plan, its engine, and the IR of every level as a file."""

    model: ModelProto
    precision: str
    plan: Plan
    engine: Engine
    levels: dict[str, Path]

    def distance(self, results: dict[str, Array], expected: dict[str, Array]) -> float:
        return distance(results, expected, self.precision)


CASES = [(name, precision) for name in NETWORKS for precision in ("fp32", "fp16")]
CASES += [("mobilenet", "bf16"), ("transformer", "bf16"), ("transformer", "tf32")]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    name, precision = request.param
    model = NETWORKS[name]("N")
    folder = tmp_path_factory.mktemp("levels")
    plan = build(model, Settings(precision=as_policy(precision), dump_dir=folder)).plan
    files = {path: body_of(path) for path in sorted(folder.glob("*.ir"))}
    levels = {level: next(p for p in reversed(files) if files[p] == plan.ir(level)) for level in LEVELS}
    return Built(model, precision, plan, glassrt.load(plan, device="host"), levels)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_host_device_agrees_with_onnxruntime(built: Built, batch: int) -> None:
    inputs = feeds(built.model, batch)
    results = built.engine.run(inputs)
    assert {array.dtype for array in results.values()} == {np.dtype(np.float32)}
    assert built.distance(results, run_onnxruntime(built.model, inputs)) < SMALL


def test_every_level_computes_the_same(built: Built) -> None:
    inputs = feeds(built.model, 2, seed=1)
    expected = run_onnxruntime(built.model, inputs)
    host = built.engine.run(inputs)
    for level, path in built.levels.items():
        results = interpret(read_ir(path), inputs)
        if level in LOWERED:
            assert built.distance(results, expected) < SMALL, level
        else:
            assert distance(results, expected, "fp32") < SMALL, level
        # The interpreter rounds where the kernels do, so what is left is the order of sums.
        closer = SMALL / 4 if level in LOWERED and built.precision != "fp32" else SMALL
        assert built.distance(host, results) < closer, level


def test_results_do_not_depend_on_what_ran_before(built: Built) -> None:
    inputs = feeds(built.model, 3)
    first = built.engine.run(inputs)
    built.engine.run(feeds(built.model, 1, seed=5))
    again = built.engine.run(inputs)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array)


def test_images_of_a_batch_do_not_see_each_other(built: Built) -> None:
    inputs = feeds(built.model, 3)
    whole = built.engine.run(inputs)
    alone = built.engine.run({name: array[1:2] for name, array in inputs.items()})
    single = {name: array[1:2] for name, array in whole.items()}
    assert built.distance(alone, single) < SMALL


@pytest.mark.parametrize("name", NETWORKS)
def test_a_fixed_batch_compiles_to_no_symbol(name: str) -> None:
    model = NETWORKS[name](2)
    plan = glassrt.compile(model, target="host", precision="fp16")
    assert plan.manifest["symbols"] == {}
    inputs = feeds(model, 2)
    results = glassrt.load(plan, device="host").run(inputs)
    expected = run_onnxruntime(model, inputs)
    assert distance(results, expected, "fp16") < SMALL
