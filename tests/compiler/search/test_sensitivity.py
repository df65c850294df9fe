"""What each fused op costs the outputs if it alone runs in eight bits."""

from __future__ import annotations

import math
from functools import lru_cache

import glassrt
import numpy as np
import pytest
from glassrt.compiler.search.sensitivity import Sensitivity, sensitivity
from glassrt.errors import CalibrationError, InputError
from onnx import TensorProto, helper, numpy_helper

from ...places import DIGITS
from .networks import WIDTH, batches, chain, made

HELD_OUT = DIGITS.with_name("digits_test.npz")
FEW = {"device": "interpret", "shapes": {"N": (1, 60, 64)}, "limit": 1}
BOTH = ("int8", "fp8")


@lru_cache(maxsize=1)
def digits() -> Sensitivity:
    return glassrt.sensitivity(DIGITS, HELD_OUT, formats=BOTH, **FEW)  # type: ignore[arg-type]


def named(found: Sensitivity) -> dict[str, float | None]:
    """The ratio in int8 by the first node."""
    return {op.candidate.nodes[0]: op.sqnr("int8") for op in found.ops}


def test_every_fused_product_is_measured_alone() -> None:
    found = digits()
    assert (found.batches, found.outputs, found.formats) == (1, ("logits",), BOTH)
    nodes = [op.candidate.nodes for op in found.ops]
    assert len(nodes) == 7 and ("conv_6", "batchnormalization_7", "add_8", "relu_9") in nodes
    for op in found.ops:
        ratios = [op.sqnr(format) for format in BOTH]
        assert all(ratio is not None and 20 < ratio < 60 for ratio in ratios), op
        assert not op.candidate.refusals


def test_the_worst_comes_first_and_the_order_is_the_same_again() -> None:
    ranks = [op.rank for op in digits().worst_first]
    assert ranks == sorted(ranks)
    again = sensitivity(DIGITS, HELD_OUT, **FEW)  # type: ignore[arg-type]
    assert named(again) == named(digits())


def test_it_is_what_a_build_with_that_override_loses() -> None:
    data = [{"image": np.load(HELD_OUT)["image"][:60]}]
    table = glassrt.calibrate(DIGITS, data, device="interpret")

    def logits(policy: glassrt.PrecisionPolicy) -> np.ndarray:  # type: ignore[type-arg]
        scales = table if policy.quantizes else None
        plan = glassrt.compile(DIGITS, target="host", precision=policy, calibration=scales)
        with glassrt.load(plan, device="host") as engine:
            return np.concatenate([engine.run(batch)["logits"] for batch in data]).astype(np.float64)

    exact = logits(glassrt.PrecisionPolicy("fp32"))
    noise = logits(glassrt.PrecisionPolicy("fp32", {"node:conv_6": "int8"})) - exact
    ratio = 10 * math.log10(np.sum(exact**2) / np.sum(noise**2))
    assert named(digits())["conv_6"] == pytest.approx(ratio, abs=0.1)


def test_an_op_that_reads_an_outlier_is_the_worst_in_int8_alone() -> None:
    found = sensitivity(chain(outlier=1), batches(), formats=BOTH, device="interpret", calibrator="min-max")
    (worst, *others) = found.worst_first
    assert "p1" in worst.candidate.nodes
    int8, fp8 = worst.sqnr("int8"), worst.sqnr("fp8")
    assert int8 is not None and fp8 is not None and int8 < 10 < 20 < fp8
    assert all((op.sqnr("int8") or 0) > 30 for op in others)


def test_what_cannot_run_in_eight_bits_says_why() -> None:
    weight = numpy_helper.from_array(np.eye(WIDTH, dtype=np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="fixed"),
        helper.make_node("Transpose", ["x"], ["t"], name="turn"),
        helper.make_node("MatMul", ["t", "a"], ["y"], name="free"),
    ]
    found = sensitivity(made(nodes, [weight]), batches(), device="interpret")
    free = next(op for op in found.ops if "free" in op.candidate.nodes)
    assert free.candidate.refusals == {"int8": "its second operand is not a constant"} and not free.noise
    assert found.worst_first[-1] is free
    data = found.to_json()["ops"]
    assert data[-1]["refused"] == {"int8": "its second operand is not a constant"} and data[-1]["sqnr"] == {}


def test_products_of_one_input_that_are_joined_are_one_candidate() -> None:
    weights = [numpy_helper.from_array(np.full((WIDTH, 8), 0.1, np.float32), name) for name in "vw"]
    nodes = [helper.make_node("MatMul", ["x", name], [f"to_{name}"], name=f"by_{name}") for name in "vw"]
    nodes.append(helper.make_node("Concat", ["to_v", "to_w"], ["y"], name="both", axis=1))
    found = sensitivity(made(nodes, weights), batches(), device="interpret")
    assert [set(op.candidate.named) for op in found.ops] == [{"by_v", "by_w"}]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "no batches"),
        ([{"x": np.full((4, WIDTH), np.nan, np.float32)}], "batch 1: input 'x' holds NaN"),
        ([{"x": np.zeros((4, 3), np.float32)}], r"the shape \[4, 3\]"),
        ([{"z": np.zeros((4, WIDTH), np.float32)}], "no array for the input 'x'"),
    ],
)
def test_bad_data_is_refused_as_by_calibrate(data: list[dict[str, object]], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        sensitivity(chain(), data, device="interpret")


def test_other_bad_input() -> None:
    other = glassrt.calibrate(chain(2), batches(), device="interpret")
    with pytest.raises(CalibrationError, match="made for another model"):
        sensitivity(chain(3), batches(), calibration=other, device="interpret")
    for formats in ((), ("int4",), ("int8", "fp16")):
        with pytest.raises(InputError, match="not a sequence of eight-bit formats"):
            sensitivity(chain(), batches(), formats=formats, device="interpret")
    integers = made([helper.make_node("ArgMax", ["x"], ["y"], axis=1)], [], TensorProto.INT64)
    with pytest.raises(InputError, match="no output of the model is a float"):
        sensitivity(integers, batches(), device="interpret")
