"""DynamicQuantizeLSTM, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret

from ..nodes import Case, check, draw_anew, real, whole
from ..recurrent import DIRECTIONS, HIDDEN, INPUTS, STEPS


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_an_lstm_with_quantized_weights(direction: str, dtype: type[np.generic], columns: bool) -> None:
    """ONNX Runtime takes the ranges of those sequences that one thread computes: here there is but one. It
    has zero points of unsigned weights alone, equal ones for all columns."""
    draw_anew()
    count = 2 if direction == "bidirectional" else 1
    low = 0 if dtype is np.uint8 else -128
    shape = (count, 4 * HIDDEN) if columns else (count,)
    scales = [real(*shape, low=0.005, high=0.02) for _ in range(2)]
    zeros = [np.full(shape, number if dtype is np.uint8 else 0, dtype) for number in (125, 131)]
    given = Case(
        "DynamicQuantizeLSTM",
        (14,),
        [
            real(STEPS, 1, INPUTS),
            whole(count, INPUTS, 4 * HIDDEN, dtype=dtype, low=low, high=low + 256),
            whole(count, HIDDEN, 4 * HIDDEN, dtype=dtype, low=low, high=low + 256),
            real(count, 8 * HIDDEN),
            *(None, real(count, 1, HIDDEN), real(count, 1, HIDDEN), None),
            *(scales[0], zeros[0], scales[1], zeros[1]),
        ],
        {"hidden_size": HIDDEN, "direction": direction},
        constant=(1, 2, 8, 9, 10, 11),
        outputs=3,
        domain="com.microsoft",
    )
    check(given, 14)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sequences_that_end_early(direction: str) -> None:
    """ONNX Runtime turns each sequence by itself, and zeros the state of one that has ended: so the range of
    the states at a step is that of the sequences which live. In one thread it takes that of all."""
    draw_anew()
    count = 2 if direction == "bidirectional" else 1
    zeros = np.zeros(count, np.int8)
    arrays = {
        "x0": real(STEPS, 3, INPUTS),
        "x1": whole(count, INPUTS, 4 * HIDDEN, dtype=np.int8, low=-128, high=128),
        "x2": whole(count, HIDDEN, 4 * HIDDEN, dtype=np.int8, low=-128, high=128),
        "x4": np.array([1, STEPS, STEPS - 1], np.int32),
        "x5": real(count, 3, HIDDEN) * 3,
        "x6": real(count, 3, HIDDEN),
        **{"x8": real(count, low=0.005, high=0.02), "x9": zeros},
        **{"x10": real(count, low=0.005, high=0.02), "x11": zeros},
    }
    listed = [arrays.get(f"x{index}") for index in range(12)]
    attributes = {"hidden_size": HIDDEN, "direction": direction}
    constant = (1, 2, 8, 9, 10, 11)
    given = Case(
        "DynamicQuantizeLSTM", (14,), listed, attributes, constant, outputs=3, domain="com.microsoft"
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(given.model(14).SerializeToString(), options)
    have = interpret(import_model(given.model(14)), given.inputs)
    for name, want in zip(("y0", "y1", "y2"), session.run(None, given.inputs), strict=True):
        np.testing.assert_allclose(have[name], want, rtol=2e-5, atol=2e-5)
