"""Recurrent ops as loops: the same numbers, where no kernel has their format."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import PrecisionPolicy
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.simplify.recurrence_loops import RECURRENCE_KERNEL, RecurrenceLoops, recurrent_ops
from glassrt.dialects.control import Loop
from glassrt.dialects.core.interpreter import interpret

from ..frontend.nodes import Case, label
from ..frontend.recurrent import recurrent

CASES = [
    recurrent("LSTM", direction="bidirectional", lengths=(3, 0, 5), states=True, peepholes=True, clip=0.7),
    recurrent("LSTM", direction="reverse", input_forget=1),
    recurrent("GRU", direction="bidirectional", lengths=(5, 4, 2), states=True, linear_before_reset=1),
    recurrent("GRU", bias=False, linear_before_reset=1),
    recurrent("GRU", direction="bidirectional", lengths=(5, 0, 2), states=True),
    recurrent("RNN", activations=["Relu"], states=True),
]


def context(precision: str, *disabled: str) -> PassContext:
    policy = PrecisionPolicy(precision)
    return PassContext(ALL_DIALECTS, policy=policy, disabled=frozenset(disabled))


@pytest.mark.parametrize("given", CASES, ids=label)
def test_a_loop_computes_what_the_op_does(given: Case) -> None:
    module = import_model(given.model(14).SerializeToString())
    want = interpret(module, given.inputs)
    own = context("fp32", RECURRENCE_KERNEL)
    module = PassManager((RecurrenceLoops(),), own).run(module)
    assert not recurrent_ops(module) and any(isinstance(op, Loop) for op in module.walk())
    for name, array in interpret(module, given.inputs).items():
        np.testing.assert_allclose(array, want[name], rtol=0, atol=2e-6)
    (record,) = own.ledger
    assert (record.rule, record.verdict, record.nodes) == (RECURRENCE_KERNEL, Verdict.DISABLED, ("the node",))
    assert record.reason == "it is switched off"


@pytest.mark.parametrize(
    ("precision", "disabled", "kept"),
    [("fp16", (), True), ("fp32", (), True), ("int8", (), True), ("fp16", (RECURRENCE_KERNEL,), False)],
)
def test_formats_that_kernels_have_keep_the_op(precision: str, disabled: tuple[str], kept: bool) -> None:
    module = import_model(CASES[1].model(14).SerializeToString())
    own = context(precision, *disabled)
    module = PassManager((RecurrenceLoops(),), own).run(module)
    assert bool(recurrent_ops(module)) is kept
    assert [record.verdict for record in own.ledger] == ([] if kept else [Verdict.DISABLED])
