"""Fourier transforms and mel filters: nodes against ONNX Runtime, long transforms against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .nodes import Array, Case, case, check, expanded, label, real, scalar

F32 = np.float32

NODES = [
    case("DFT", 17, real(2, 10, 3, 1), axis=1),
    case("DFT", 17, real(2, 10, 2), axis=1, inverse=1),
    case("DFT", 20, real(2, 7, 1), None, scalar(1), constant=(2,)),
    case("DFT", 20, real(2, 3, 9, 1), onesided=1),
    case("DFT", 20, real(2, 9, 1), scalar(6), constant=(1,)),
    case("DFT", 20, real(2, 9, 2), scalar(12), constant=(1,)),
    case("DFT", 20, real(2, 7, 3, 1), None, scalar(1)),
    case("DFT", 20, real(2, 7, 3, 1), scalar(9), scalar(-2), onesided=1, constant=(2,)),
    case("DFT", 20, real(2, 7, 3, 2), scalar(4), scalar(0), inverse=1, constant=(2,)),
    case("STFT", 17, real(2, 30, 1), scalar(4), None, scalar(8), constant=(1, 3)),
    case("STFT", 17, real(2, 30, 1), scalar(4), None, scalar(8)),
    case("STFT", 17, real(2, 30, 1), scalar(5), real(9)),
    case("STFT", 17, real(2, 30, 1), scalar(5), real(9), constant=(1,)),
    case("STFT", 17, real(1, 30, 1), scalar(8), real(16), scalar(16), constant=(1, 2, 3), onesided=0),
    *[
        case(
            "MelWeightMatrix",
            17,
            *(scalar(8), scalar(16), scalar(8192), scalar(0.0, F32), scalar(4096.0, F32)),
            constant=constant,
        )
        for constant in (range(5), ())
    ],
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int) -> Array:
    module = import_model(given.model(opset).SerializeToString())
    [found] = interpret(module, given.inputs).values()
    return found


@pytest.mark.parametrize(
    ("given", "opset", "message"),
    [
        (case("DFT", 20, real(2, 9, 2), onesided=1), 20, "takes real numbers"),
        (case("DFT", 20, real(2, 9, 3)), 20, r"1 \(real\) or 2 \(complex\)"),
        (case("DFT", 20, real(2, 9, 1), scalar(0), constant=(1,)), 20, "the transformed axis has elements"),
        (case("STFT", 17, real(2, 9), scalar(1), constant=(1,)), 17, "or 2. is expected"),
    ],
)
def test_signals_that_are_none(given: Case, opset: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ours(given, opset)
