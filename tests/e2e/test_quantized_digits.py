"""The digits network in eight bits: as good as in fp32, and really stored so."""

from __future__ import annotations

from functools import lru_cache

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.dialects.core.interpreter import interpret

from ..places import DIGITS as MODEL
from .networks import Array
from .quantizing import contractions, handed_on, lowered, multiplied

IMAGES = MODEL.with_name("digits_test.npz")
# The images that the network was trained on are not kept: of those held out from training, the first
# are for calibration, and all others are tested.
CALIBRATION, BATCH = 120, 60
CALIBRATORS = ("entropy", "percentile", "min-max", "mse")
POINTS = 0.006
# dB of signal over the difference from fp32, between what is lost on the way and what would be a fault.
SQNR = {"fp16": (55, 75), "bf16": (35, 55), "int8": (30, 42), "fp8": (19, 30)}


@lru_cache(maxsize=1)
def held_out() -> tuple[Array, Array]:
    data = np.load(IMAGES)
    return data["image"][CALIBRATION:], data["label"][CALIBRATION:]


@lru_cache(maxsize=1)
def table() -> glassrt.CalibrationTable:
    images = np.load(IMAGES)["image"][:CALIBRATION]
    batches = [{"image": images[begin : begin + BATCH]} for begin in range(0, CALIBRATION, BATCH)]
    return glassrt.calibrate(MODEL, batches, device="interpret")


@lru_cache
def chosen(calibrator: str | None) -> glassrt.CalibrationTable | None:
    """The table in which CALIBRATOR chooses the scales."""
    return None if calibrator is None else table().with_calibrator(calibrator)


@lru_cache
def logits(precision: str, calibrator: str | None = None) -> Array:
    """Of the tested images, by the launch level in the interpreter."""
    module, _ = lowered(onnx.load(MODEL), precision, chosen(calibrator))
    images = held_out()[0]
    batches = [images[begin : begin + BATCH] for begin in range(0, len(images), BATCH)]
    return np.concatenate([interpret(module, {"image": batch})["logits"] for batch in batches])


def top1(found: Array) -> float:
    return float(np.mean(found.argmax(axis=1) == held_out()[1]))


def sqnr(found: Array) -> float:
    """The power of fp32's logits over that of their difference from FOUND, in dB."""
    exact = logits("fp32").astype(np.float64)
    return float(10 * np.log10(np.sum(exact**2) / np.sum((found - exact) ** 2)))


@pytest.mark.parametrize(
    ("precision", "calibrator"),
    [("fp16", None), ("bf16", None), *((form, name) for form in ("int8", "fp8") for name in CALIBRATORS)],
)
def test_unseen_digits_are_read_as_well(precision: str, calibrator: str | None) -> None:
    found = logits(precision, calibrator)
    exact, got, decibels = top1(logits("fp32")), top1(found), sqnr(found)
    print(f"{precision} {calibrator}: top-1 {got:.4f} (fp32 {exact:.4f}), {decibels:.1f} dB")
    assert exact >= 0.97 and abs(got - exact) <= POINTS
    least, most = SQNR[precision]
    assert least < decibels < most
    if calibrator is not None:
        assert decibels < sqnr(logits("fp16")) - 10  # something is lost: it is quantized


@pytest.mark.parametrize(("precision", "stored"), [("int8", "i8"), ("fp8", "f8e4m3")])
def test_the_host_device_agrees_with_the_interpreter(precision: str, stored: str) -> None:
    images = held_out()[0][:BATCH]
    plan = glassrt.compile(MODEL, target="host", precision=precision, calibration=table())
    with glassrt.load(plan, device="host") as engine:
        got = engine.run({"image": images})["logits"]
    module, ledger = lowered(onnx.load(MODEL), precision, table())
    want = interpret(module, {"image": images})["logits"]
    if precision == "int8":  # but for the last product, which is kept in fp16
        assert np.abs(got - want).max() <= 2e-3 * np.abs(want).max()
    else:  # a sum in another order may round to the next 8-bit float
        assert np.abs(got - want).max() <= 0.05 * np.abs(want).max()
    *quantized, last = contractions(module)
    assert len(quantized) == 6
    assert all(set(multiplied(kernel)) == {stored} for kernel in quantized)
    assert multiplied(last) == ("f16", "f16")
    (reason,) = [r.reason for r in ledger if r.rule == "insert-quantization" and r.verdict == "refused"]
    assert reason == "the last contraction before an output stays in floats"
    assert handed_on(module).count(stored) >= 6
