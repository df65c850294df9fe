"""Fourier transforms against numpy: long ones, in two products, and lengths that are known at a run."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret

from .nodes import Array, Case, case, real, scalar

F32 = np.float32


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
    for constant in ((1,), ()):
        found = ours(case("DFT", 20, parts, scalar(length), inverse=1, onesided=1, constant=constant), 20)
        assert found.shape == (2, length, 1)
        np.testing.assert_allclose(found[..., 0], signal, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 12, 100])
def test_lengths_that_are_known_at_a_run(length: int) -> None:
    """Zeros of sine and cosine are zeros, and other numbers are as near as those of a constant matrix."""
    x = real(2, 12, 1)
    found, wanted = (ours(case("DFT", 20, x, scalar(length), constant=c), 20) for c in ((), (1,)))
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    ones = np.zeros((1, 12, 1), F32)
    ones[0, :length] = 1
    flat = ours(case("DFT", 20, ones, scalar(length)), 20)
    if length <= 12:
        assert abs(flat[0, 0, 0] - length) < 1e-6 and np.abs(flat[0, 1:]).max(initial=0) < 1e-5
