"""DynamicQuantizeLSTM, imported and interpreted, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

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
