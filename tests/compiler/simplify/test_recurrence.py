"""Initial states of zeros are none; the rewrite's cases are in tests/passes/simplify/recurrence.ir."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.graph.recurrence import Recurrence

from ..frontend.recurrent import recurrent


def test_states_of_zeros_are_left_out_each_by_itself() -> None:
    given = recurrent("LSTM", states=True)
    given.arrays[6] = np.zeros_like(given.arrays[6])  # type: ignore[arg-type]
    case = type(given)(given.op, given.opsets, given.arrays, given.attributes, (1, 2, 3, 6), given.outputs)
    module = import_model(case.model(14))
    module = PassManager((Canonicalize(),), PassContext(ALL_DIALECTS)).run(module)
    (op,) = (each for each in module.walk() if isinstance(each, Recurrence))
    assert [value is None for value in op.initial_states] == [False, True]
