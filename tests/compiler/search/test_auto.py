"""precision="auto": a search as a part of a build, its requests, and what its plan computes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.passes.ledger import Ledger, Record, Verdict
from glassrt.compiler.search.auto import Auto, searched
from glassrt.compiler.search.budget import Budget
from glassrt.errors import InputError

from ...places import DIGITS
from .networks import batches, chain

IMAGES = np.load(DIGITS.with_name("digits_test.npz"))
DATA = [{"image": IMAGES["image"][:60]}]
LABELS = IMAGES["label"][:60]
ADA = arch_named("sm_89")
WIDE, MANY = 2048, {"N": (1, 16384, 16384)}


@lru_cache(maxsize=1)
def automatic() -> glassrt.Plan:
    """Three products, one of which reads an outlier, within 22 dB.

    For Ada, whose mma.sync gains by eight bits of either kind; on Hopper wgmma of halves is as fast as fp8.
    """
    model, data = chain(outlier=1, width=WIDE), batches(width=WIDE)
    table = glassrt.calibrate(model, data, calibrator="min-max", device="interpret")
    return glassrt.compile(
        model,
        target=["sm_89", "host"],
        precision="auto",
        budget="sqnr=22",
        calibration=table,
        data=data,
        shapes=MANY,
    )


def decided(plan: glassrt.Plan, rule: str) -> list[Record]:
    return [record for record in Ledger.from_json(plan.ledger) if record.rule == rule]


def test_an_op_with_an_outlier_runs_in_fp8_beside_others_in_int8() -> None:
    """At these scales int8 has too few steps for what lies below the outlier."""
    records = decided(automatic(), "precision-search")
    formats = {record.nodes[0]: record.reason.split(":")[0] for record in records}
    assert formats == {"p0": "runs in int8", "p1": "runs in fp8", "p2": "runs in int8"}
    for record in records:
        saved = record.figures["microseconds_saved"]
        assert record.verdict is Verdict.TAKEN and isinstance(saved, float) and saved > 0
    executed = {record.nodes[0]: record.reason for record in decided(automatic(), "insert-quantization")}
    assert executed == {"p0": "multiplies in int8", "p1": "multiplies in fp8", "p2": "multiplies in int8"}


def test_the_plan_records_what_was_measured_and_gives_it() -> None:
    exact = glassrt.compile(chain(outlier=1, width=WIDE), target="host", shapes=MANY)

    def outputs(plan: glassrt.Plan) -> Any:
        with glassrt.load(plan, device="host") as engine:
            runs = [engine.run(batch)["y"] for batch in batches(width=WIDE)]
        return np.concatenate(runs).astype(np.float64)

    want, got = outputs(exact), outputs(automatic())
    ratio = 10 * np.log10(np.sum(want**2) / np.sum((got - want) ** 2))
    points = decided(automatic(), "precision-mixture")
    (chosen,) = (record for record in points if record.verdict is Verdict.TAKEN)
    noted = chosen.figures["sqnr_measured_db"]
    assert isinstance(noted, float) and noted >= 22 and ratio == pytest.approx(noted, abs=0.3)
    times = [float(record.figures["microseconds"]) for record in points]
    assert times == sorted(times) and len(times) >= 2
    assert "2 in int8, 1 in fp8, 0 in fp16: " in automatic().decisions


def test_overrides_of_the_caller_stay() -> None:
    base = glassrt.PrecisionPolicy("fp16", {"node:p1": "bf16"}, io="fp16")
    auto = Auto(Budget.parse("sqnr=25"), batches(width=WIDE), base=base)
    found = searched(chain(width=WIDE), Settings((ADA,), cache=None), auto, None, MANY).found
    assert found.policy.overrides[-1] == base.overrides[0] and found.policy.io == base.io
    refusals = [op.candidate.refusals.get("int8") for op in found.sensitivity.ops]
    assert refusals == [None, "the override node:p1=bf16 decides its format", None]
    assert found.chosen.mixture == ("int8", None, "int8")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"precision": "auto"}, "needs budget"),
        ({"precision": "auto", "budget": "sqnr=30"}, "needs data"),
        ({"precision": "auto", "budget": "30 dB", "data": DATA}, "is not a budget"),
        ({"precision": "auto", "budget": "top1=1", "data": DATA}, "needs labels"),
        (
            {"precision": "auto", "budget": "sqnr=3", "data": DATA, "labels": LABELS},
            "labels are for top-1 budgets",
        ),
        ({"precision": "auto", "budget": "top1=1", "data": DATA, "labels": LABELS[:7]}, "there are 7 labels"),
        ({"precision": "auto", "budget": "sqnr=30", "data": []}, "no batches"),
        ({"precision": "fp16", "budget": "sqnr=30"}, "budget is for precision='auto'"),
        ({"precision": "int8", "data": DATA}, "data is for precision='auto'"),
    ],
)
def test_half_of_a_request_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        glassrt.compile(DIGITS, target="host", **arguments)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_budget_that_fp16_fails_is_an_error_unless_that_is_allowed(allowed: bool) -> None:
    policy = glassrt.PrecisionPolicy("fp16", allow_fallback=allowed)
    arguments: dict[str, Any] = {"target": "host", "budget": "sqnr=100", "data": DATA}
    if not allowed:
        for precision in ("auto", policy):
            with pytest.raises(InputError, match="which does not meet the budget sqnr=100"):
                glassrt.compile(DIGITS, precision=precision, **arguments)
        return
    plan = glassrt.compile(DIGITS, precision=policy, **arguments)
    (point,) = decided(plan, "precision-mixture")
    assert point.verdict is Verdict.TAKEN and "which does not meet the budget sqnr=100" in point.reason


def test_a_network_of_which_fp16_keeps_nothing_is_an_error() -> None:
    """What the first product gives is beyond 65504 by far."""
    loud = [{"x": 1e8 * batch["x"]} for batch in batches()]
    with pytest.raises(InputError, match="-inf dB with it, which does not meet the budget sqnr=0"):
        glassrt.compile(chain(), target="host", precision="auto", budget="sqnr=0", data=loud)


def test_ragged_labels_are_refused() -> None:
    with pytest.raises(InputError, match="labels are not an array"):
        glassrt.compile(
            chain(), target="host", precision="auto", budget="top1=1", data=batches(), labels=[[1], [2, 3]]
        )
