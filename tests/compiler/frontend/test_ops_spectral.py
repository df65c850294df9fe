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
    case("STFT", 17, real(2, 30, 1), scalar(4), None, scalar(8), constant=(1, 3)),
    case("STFT", 17, real(2, 30, 1), scalar(5), real(9), constant=(1,)),
    case("STFT", 17, real(1, 30, 1), scalar(8), real(16), scalar(16), constant=(1, 2, 3), onesided=0),
    case(
        "MelWeightMatrix",
        17,
        *(scalar(8), scalar(16), scalar(8192), scalar(0.0, F32), scalar(4096.0, F32)),
        constant=range(5),
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NODES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


def ours(given: Case, opset: int) -> Array:
    module = import_model(given.model(opset).SerializeToString())
    [found] = interpret(module, given.inputs).values()
    return found


def as_complex(x: Array) -> Array:
    return x[..., 0] + 1j * x[..., 1]


@pytest.mark.parametrize("length", [1, 2, 1023, 1031, 1040, 4096])
@pytest.mark.parametrize("inverse", [0, 1])
def test_long_transforms(length: int, inverse: int) -> None:
    """Of a prime and of lengths with factors, which take two products."""
    x = real(2, length, 2)
    found = ours(case("DFT", 20, x, inverse=inverse), 20)
    wanted = (np.fft.ifft if inverse else np.fft.fft)(as_complex(x.astype(np.float64)), axis=1)
    scale = np.abs(wanted).max()
    assert np.abs(as_complex(found) - wanted).max() <= 2e-6 * scale


@pytest.mark.parametrize("length", [8, 9])
def test_a_real_signal_comes_back_from_its_half_transform(length: int) -> None:
    signal = real(2, length)
    half = np.fft.rfft(signal, axis=1)
    half[:, 0] += 0.5j  # which does not count
    parts = np.stack([half.real, half.imag], axis=-1).astype(F32)
    found = ours(case("DFT", 20, parts, scalar(length), inverse=1, onesided=1, constant=(1,)), 20)
    assert found.shape == (2, length, 1)
    np.testing.assert_allclose(found[..., 0], signal, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "opset", "message"),
    [
        (case("DFT", 20, real(2, 9, 3)), 20, "has the parts of numbers"),
        (case("DFT", 20, real(2, 9, 1), scalar(0), constant=(1,)), 20, "of 0 elements is not defined"),
        (case("STFT", 17, real(2, 9), scalar(1), constant=(1,)), 17, "or 2. is expected"),
    ],
)
def test_signals_that_are_none(given: Case, opset: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ours(given, opset)
