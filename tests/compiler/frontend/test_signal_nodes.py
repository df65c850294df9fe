"""Nodes of signals and texts: Fourier transforms, mel filters, n-grams, and pooling undone."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError, UnsupportedError

from .nodes import Array, Case, case, check, expanded, ints, label, real, scalar, whole

POOL = {
    "ngram_counts": [0, 4],
    "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
    "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
}
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
    *[
        case(
            "TfIdfVectorizer",
            9,
            whole(*shape, dtype=dtype, low=2, high=9),
            mode=mode,
            min_gram_length=least,
            max_gram_length=2,
            max_skip_count=skips,
            weights=[0.5, 1, 2, 3, 4, 5, 6],
            **POOL,
        )
        for shape, dtype, mode, least, skips in [
            ((12,), np.int64, "TF", 1, 0),
            ((3, 12), np.int32, "TF", 2, 5),
            ((3, 12), np.int64, "IDF", 1, 1),
            ((3, 12), np.int64, "TFIDF", 1, 5),
        ]
    ],
    case(
        "MaxUnpool",
        (9, 11),
        real(1, 1, 2, 2),
        np.array([[[[5, 7], [13, 15]]]]),
        kernel_shape=[2, 2],
        strides=[2, 2],
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


def test_two_ngrams_may_count_in_one_column() -> None:
    pool = {"ngram_counts": [0], "ngram_indexes": [1, 1, 3], "pool_int64s": [2, 3, 4]}
    lengths = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    found = ours(case("TfIdfVectorizer", 9, ints(2, 3, 3, 4, 9), mode="TF", **lengths, **pool), 9)
    assert found.tolist() == [0, 3, 0, 1]


def test_a_larger_shape_adds_zeros() -> None:
    x, at = real(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]])
    shape = ints(1, 1, 5, 6)
    found = ours(case("MaxUnpool", 11, x, at, shape, kernel_shape=[2, 2], strides=[2, 2], constant=(2,)), 11)
    wanted = np.zeros((1, 1, 5, 6), F32)
    wanted[0, 0, 1::2, 1:4:2][:2] = x[0, 0]
    np.testing.assert_array_equal(found, wanted)


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


def test_ngrams_of_strings_are_refused() -> None:
    pool = {"ngram_counts": [0], "ngram_indexes": [0], "pool_strings": ["a"]}
    lengths = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    with pytest.raises(UnsupportedError, match="strings"):
        ours(case("TfIdfVectorizer", 9, ints(2, 3), mode="TF", **lengths, **pool), 9)
