"""Which recurrent ops get a kernel, by the target and by the cost model; and two of them in a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt import PrecisionPolicy
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.compiler.fusion.recurrence_kernels import RecurrenceKernels
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.narrowing.decisions import wide_values
from glassrt.compiler.simplify.recurrence_loops import recurrent_ops
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F16, F32, I64
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.recurrence import Lstm

H200 = arch_named("sm_90a")
SLOW = replace(H200, fitted=replace(H200.fitted, recurrence=replace(H200.fitted.recurrence, launch=1e6)))


def lstm(hidden: int, steps: int = 50) -> Module:
    module = Module("m")
    function = module.add(Function("main", ["x", "w"], ["y"]))
    types = (TensorType((steps, 2, 4 * hidden), F16), TensorType((1, 4 * hidden, hidden), F16))
    op = function.block.append(Lstm(*(function.block.add_argument(type) for type in types)))
    function.block.append(Return(op.results[0]))
    return module


@pytest.mark.parametrize(
    ("hidden", "target", "verdict", "reason"),
    [
        (64, H200, Verdict.TAKEN, "one kernel runs all steps"),
        (2048, H200, Verdict.TAKEN, "one kernel runs all steps"),
        (4096, H200, Verdict.REFUSED, "sm_90a has no kernel for states of 4096 in f16"),
        (36, arch_named("sm_80"), Verdict.REFUSED, "sm_80 has no kernel for states of 36 in f16"),
        (64, SLOW, Verdict.REFUSED, "a loop is faster"),
    ],
)
def test_what_gets_a_kernel(hidden: int, target: ArchSpec, verdict: Verdict, reason: str) -> None:
    module = lstm(hidden)
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy("fp16"))
    PassManager((RecurrenceKernels(target, wide_values),), context).run(module)
    (record,) = context.ledger
    assert (record.verdict, record.reason) == (verdict, reason)
    assert record.figures["microseconds_loop"] > 50
    assert bool(recurrent_ops(module)) is (verdict is Verdict.TAKEN)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize(("hidden", "kept"), [(64, True), (2048, False)])
def test_states_that_stay_f32_need_a_kernel_in_f32(hidden: int, kept: bool, precision: str) -> None:
    module = Module("m")
    function = module.add(Function("main", ["x", "w", "i"], ["y"]))
    types = (TensorType((50, 2, 4 * hidden), F32), TensorType((1, 4 * hidden, hidden), F32))
    x, weights = (function.block.add_argument(type) for type in types)
    numbers = function.block.add_argument(TensorType((1, 2, hidden), I64))
    initial = function.block.append(Cast(numbers, to=F32))  # f16 does not hold all of these
    op = function.block.append(Lstm(x, weights, initial.result))
    function.block.append(Return(op.results[0]))
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy(precision))
    PassManager((RecurrenceKernels(H200, wide_values),), context).run(module)
    (record,) = context.ledger
    assert bool(recurrent_ops(module)) is kept
    assert record.reason.endswith("runs all steps" if kept else "no kernel for states of 2048 in f32")


def test_what_gets_none_is_the_same_as_a_loop() -> None:
    given = {
        "x": np.random.default_rng(0).standard_normal((3, 2, 32)).astype(np.float16),
        "w": np.random.default_rng(1).standard_normal((1, 32, 8)).astype(np.float16),
    }
    want = interpret(lstm(8, 3), given)["y"]
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy("fp16"))
    module = PassManager((RecurrenceKernels(SLOW, wide_values),), context).run(lstm(8, 3))
    np.testing.assert_allclose(interpret(module, given)["y"].astype(float), want, rtol=0, atol=4e-3)
