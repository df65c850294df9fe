"""Weights at the edge of a byte, and whole numbers in floats where they are beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.integer_arithmetic import IntegerArithmetic
from glassrt.compiler.precision.quantization.whole_numbers import next_power
from glassrt.dialects.core.dtypes import BF16, F16, I8, U8, DType
from glassrt.dialects.graph.contraction import Matmul

from ...quantized import Bytes, Problem, evaluated, run


def product(dtype: DType, numbers: list[int], zero: int, scale: float = 0.01) -> Problem:
    """A product with weights of eight columns that hold NUMBERS."""
    x = Bytes(U8, np.asarray(np.float32(0.03)), 7, np.arange(6, dtype=np.uint8).reshape(3, 2) * 50)
    w = np.array([numbers * 4, numbers[::-1] * 4], dtype.numpy)
    return Problem(Matmul, x, Bytes(dtype, np.asarray(np.float32(scale)), zero, w), {})


@pytest.mark.parametrize(
    ("dtype", "numbers", "zero", "fits"),
    [
        (U8, [0, 255], 128, True),
        (U8, [0, 9], 129, False),
        (U8, [255, 200], 127, False),
        (U8, [255, 1], 129, True),
        (I8, [-128, 127], 0, True),
        (I8, [-128, 127], 1, False),
        (I8, [-1, -128], -128, True),
        (I8, [0, -128], -128, False),
    ],
)
def test_weights_that_just_fit_a_byte_and_some_that_do_not(
    dtype: DType, numbers: list[int], zero: int, fits: bool
) -> None:
    problem = product(dtype, numbers, zero)
    module = problem.module()
    context = run([IntegerArithmetic()], module)
    found = [(r.rule, r.verdict) for r in context.ledger if r.rule.startswith("integer-")]
    assert found == [("integer-contraction" if fits else "integer-window-sums", Verdict.TAKEN)]
    want = problem.real(np.matmul(problem.x.centred, problem.w.centred))
    np.testing.assert_allclose(evaluated(module, {"x": problem.x.stored}), want, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 2e-6, 0.012, 0.75, 90.0, 1e30])
def test_whole_numbers_times_the_power_next_to_a_scale_are_exact(scale: float) -> None:
    numbers = np.arange(-255, 256) * next_power(np.asarray(scale))
    for short in (F16, BF16):
        np.testing.assert_array_equal(numbers.astype(short.numpy).astype(np.float64), numbers)


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_scales_far_from_one_are_no_matter(scale: float) -> None:
    problem = product(U8, [0, 9], 129, scale)
    module = problem.module()
    run([IntegerArithmetic()], module, disabled=frozenset({"integer-window-sums"}))
    want = problem.real(np.matmul(problem.x.centred, problem.w.centred))
    np.testing.assert_allclose(evaluated(module, {"x": problem.x.stored}), want, rtol=1e-6)
