"""Recurrence as emitted kernels on the host, against ONNX Runtime; some sequences end early."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import compile, load

from ..compiler.frontend.recurrent import recurrent
from ..models import run_onnxruntime


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 2e-5), ("fp16", 2e-2)])
@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_sequences_that_end_early(op: str, precision: str, bound: float) -> None:
    given = recurrent(op, direction="bidirectional", lengths=(5, 2, 1), states=True)
    model = given.model(14)
    with load(compile(model, target="host", precision=precision), device="host") as engine:
        have, want = engine.run(given.inputs), run_onnxruntime(model, given.inputs)
    for name, array in want.items():
        assert have[name].shape == array.shape
        np.testing.assert_allclose(have[name], array, rtol=0, atol=bound * float(np.abs(array).max()))
