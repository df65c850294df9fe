"""Weights of recurrent ops in eight bits: their numbers, and where they are chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt import PrecisionPolicy, load
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, build, chosen_targets
from glassrt.compiler.fusion.recurrence_kernels import RecurrenceKernels
from glassrt.compiler.fusion.recurrent_weights import discard, with_bytes
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.patterns.matching import constant_array
from glassrt.compiler.precision.narrowing.decisions import wide_values
from glassrt.compiler.settings.formats import EIGHT_BITS
from glassrt.compiler.simplify.recurrence_loops import recurrent_ops, refuse
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.constants import constant
from glassrt.dialects.graph.recurrence import Gru

H200 = arch_named("sm_90a")
HIDDEN = 12
FREE = replace(  # widening costs nothing, halves do
    H200, fitted=replace(H200.fitted, recurrence=replace(H200.fitted.recurrence, widen=-20.0))
)


def gru(number: float = 0.3) -> Module:
    module = Module("m")
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(TensorType((5, 2, 3 * HIDDEN), F32))
    weights = np.random.default_rng(0).uniform(-number, number, (1, 3 * HIDDEN, HIDDEN)).astype(np.float32)
    weights[0, 3] = 0  # a row without a range
    held = function.block.append(constant(module, weights))
    op = function.block.append(Gru(x, held.result, linear=False))
    function.block.append(Return(op.results[0]))
    return module


@pytest.mark.parametrize("form", EIGHT_BITS)
def test_numbers_are_near_and_a_loop_has_the_same(form: str) -> None:
    given = {"x": np.random.default_rng(1).standard_normal((5, 2, 3 * HIDDEN)).astype(np.float32)}
    want = interpret(gru(), given)["y"]
    module = gru()
    (op,) = recurrent_ops(module)
    made = with_bytes(op, form, EIGHT_BITS[form], module)
    assert made is not None and made.weights.type.dtype == EIGHT_BITS[form]
    op.replace_by(*made.results)
    verify(module, ALL_DIALECTS)
    have = interpret(module, given)["y"]
    assert 0 < np.abs(have - want).max() < 0.02
    refuse(made, "for the test", module, PassContext(ALL_DIALECTS))
    assert not recurrent_ops(module)
    np.testing.assert_allclose(interpret(module, given)["y"], have, rtol=0, atol=2e-6)


@pytest.mark.parametrize("form", EIGHT_BITS)
@pytest.mark.parametrize("number", [1e-44, 3e-43, 1e-40])
def test_weights_that_are_hardly_numbers_stay_near(form: str, number: float) -> None:
    module = gru(number)
    (op,) = recurrent_ops(module)
    made = with_bytes(op, form, EIGHT_BITS[form], module)
    assert made is not None
    weights, stored, scales = (
        constant_array(value, module) for value in (op.weights, made.weights, made.factors)
    )
    assert weights is not None and stored is not None and scales is not None
    have = stored.astype(np.float64) * scales[:, :, None]
    assert np.abs(have - weights).max() <= np.finfo(np.float32).tiny


def test_a_plan_keeps_bytes_and_scales() -> None:
    module = gru()
    (op,) = recurrent_ops(module)
    made = with_bytes(op, "fp8", EIGHT_BITS["fp8"], module)
    assert made is not None
    op.replace_by(*made.results)
    given = {"x": np.random.default_rng(1).standard_normal((5, 2, 3 * HIDDEN)).astype(np.float32)}
    want = interpret(module, given)["y"]
    plan = build(module, Settings(chosen_targets("host", None), PrecisionPolicy("fp16"))).plan
    with load(plan, device="host") as engine:
        np.testing.assert_allclose(engine.run(given)["y"], want, rtol=0, atol=2e-3)


def test_what_is_discarded_leaves_nothing() -> None:
    module = gru()
    before = len(module.main.block)
    (op,) = recurrent_ops(module)
    made = with_bytes(op, "int8", EIGHT_BITS["int8"], module)
    assert made is not None and len(module.main.block) > before
    discard(made)
    assert recurrent_ops(module) == [op] and len(module.main.block) == before


@pytest.mark.parametrize(
    ("precision", "target", "chosen"), [("int8", FREE, True), ("int8", H200, False), ("fp16", FREE, False)]
)
def test_they_are_chosen_where_they_are_faster(precision: str, target: object, chosen: bool) -> None:
    module = gru()
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy(precision))
    PassManager((RecurrenceKernels(target, wide_values),), context).run(module)  # type: ignore[arg-type]
    (op,), (record,) = recurrent_ops(module), context.ledger
    assert (op.factors is not None) is chosen
    assert ("with weights in int8" in record.reason) is chosen
    assert ("microseconds_kernel_of_bytes" in record.figures) is (precision == "int8")
