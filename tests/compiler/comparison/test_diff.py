"""`glassrt.diff`: the report on two plans, and their numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from glassrt import InputError, compile, diff
from glassrt.compiler.comparison.diff import PlanDiff
from glassrt.compiler.comparison.times import PlanTimes
from glassrt.compiler.surgery.extract import extract

from ..unpadding.encoders import HEAD
from .plans import X, network, plan

WHOLE, APART = plan(), plan(apart=("mm", "relu"))


def test_a_plan_is_the_same_as_itself(tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "a.plan")
    found = diff(tmp_path / "a.plan", WHOLE)
    assert found.same and found.numbers is None and found.times is None
    assert "the plans run the same kernels on the same nodes" in str(found)


def test_the_report_names_what_differs() -> None:
    found = diff(WHOLE, APART)
    figures = {name: (a, b) for name, a, b in found.figures}
    assert not found.same and figures["launches"] == (2, 2) and figures["kernels of both"] == (0, 0)
    text = str(found)
    for part in (
        "fused otherwise",
        "mm",
        "switched off",
        "tensors between launches, bytes",
        "contraction-epilogue",
    ):
        assert part in text, part
    assert json.loads(json.dumps(found.to_json()))["fusions"]
    assert len(found.text(6).split("\n")) < 66  # a page


def test_other_nodes_and_other_ranges_are_told() -> None:
    fewer = compile(extract(network(), end=["relu"]), target="host", shapes={"N": (1, 2, 4)})
    found = diff(WHOLE, fewer)
    assert found.nodes == (("add", "soft"), ())
    changed = {(each.what, each.trait): (each.a, each.b) for each in found.interface}
    assert changed["N", "range"] == ("1 to 8, tuned for 3", "1 to 4, tuned for 2")
    assert changed["r", "output"][0] == "-" and changed["y", "output"][1] == "-"


def test_numbers_of_tensors_that_both_keep() -> None:
    weights = np.frombuffer(bytes(APART.weights), np.float32) * np.float32(1.001)
    found = diff(APART, replace(APART, weights=weights.tobytes()), inputs={"x": X}, device="host")
    assert found.device == "host" and found.numbers is not None
    (output,) = found.numbers.outputs
    assert output.name == "y" and 0 < output.error.relative_l2 < 0.01
    kept = {each.name: each for each in found.numbers.tensors}
    assert np.isclose(kept["mm"].error.relative_l2, 0.001, rtol=0.01) and kept["mm"].types == ("f32", "f32")
    assert "the first that differs is mm" in str(found)


def test_the_same_numbers_are_equal() -> None:
    found = diff(APART, APART, seed=5, device="host")
    assert found.numbers is not None and found.numbers.tensors
    assert all(each.error.max_abs == 0 for each in (*found.numbers.outputs, *found.numbers.tensors))
    assert "all are equal" in str(found)


def test_plans_with_other_inputs_are_not_run() -> None:
    model = network()
    model.graph.input[0].name = model.graph.node[0].input[0] = "z"
    other = compile(model, target="host", shapes={"N": (1, 3, 8)})
    with pytest.raises(InputError, match="only one of the plans has the input 'x'"):
        diff(WHOLE, other, seed=0)
    assert not diff(WHOLE, other).same


def timed(found: PlanDiff) -> PlanDiff:
    counts = [len(each.spec.launches) for each in (WHOLE, APART)]
    alone = tuple(tuple(float(at + 1) for at in range(count)) for count in counts)
    return replace(found, times=PlanTimes((0.5, 0.75), (alone[0], alone[1])))


def test_times_are_shown_by_place() -> None:
    found = timed(diff(WHOLE, APART))
    assert "0.5 ms by A, 0.75 ms by B: B / A is 1.5" in str(found)
    times = found.to_json()["times"]
    assert sum(row["b_us"] for row in times["launches"]) == sum(range(1, len(APART.spec.launches) + 1))
    assert np.isclose(times["b_ms"], 0.75)


def test_plans_with_and_without_padding_are_run_alike(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    body = HEAD.format(result="tensor<NxSx6xf32>") + "    core.return %a\n  }\n}\n"
    path.write_text(body, encoding="utf-8")
    plans = [compile(path, target="host", unpadded=mask) for mask in (None, "m")]
    kept = np.float32([[1, 1, 0], [1, 1, 1]])
    inputs = {"x": np.random.default_rng(0).standard_normal((2, 3, 6), np.float32), "m": kept}
    found = diff(*plans, inputs=inputs, device="host")
    assert found.numbers is not None and found.numbers.outputs
