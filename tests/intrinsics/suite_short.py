"""Cases for arithmetic whose results are rounded to f16."""

from __future__ import annotations

import math

import numpy as np

from .cases import Array, Case, Out
from .reference_math import sigmoid
from .suite_scalars import floats

_RANDOM = np.random.default_rng(12)
_BLOCK = 64


def _check_sigmoid(x: Array) -> Out:
    with np.errstate(all="ignore"):
        expected = sigmoid(x.astype(np.float64))
    allowed = (np.minimum(np.abs(np.nan_to_num(x, posinf=0, neginf=0)), 90) + 9) / 2**24

    def check(actual: Array, _expected: Array) -> None:
        """To the bound in short.cuh; what is below the normal numbers may be zero."""
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(x))
        error = np.abs(actual.astype(np.float64) - expected)
        known = ~np.isnan(x)
        assert (error[known] <= expected[known] * allowed[known] + 2.0**-126).all()

    return Out(expected.astype(np.float32), check=check)


def short_sigmoid(x: Array) -> Case:
    return Case(
        "short_sigmoid", "short", [x, _check_sigmoid(x), x.size], (-(-x.size // 128), 1, 1), (128, 1, 1)
    )


def _check_gelu(x: Array) -> Out:
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
        expected = np.array([value / 2 * math.erfc(-value / math.sqrt(2)) for value in wide])
    unit = 2.0 ** np.maximum(np.floor(np.log2(np.abs(expected) + 2.0**-30)) - 10, -24)

    def check(actual: Array, _expected: Array) -> None:
        """To a 20th of a unit of f16; far below zero, to half of the least f16."""
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
        known = np.isfinite(expected)
        error = np.abs(actual[known].astype(np.float64) - expected[known])
        assert (error <= np.where(x[known] < -5.8, 2.0**-25, unit[known] / 20)).all()
        np.testing.assert_array_equal(actual[np.isinf(expected)], expected[np.isinf(expected)])

    return Out(expected.astype(np.float32), check=check)


def short_gelu(x: Array) -> Case:
    return Case("short_gelu", "short", [x, _check_gelu(x), x.size], (-(-x.size // 128), 1, 1), (128, 1, 1))


def short_tanh(x: Array) -> Case:
    with np.errstate(all="ignore"):
        expected = np.tanh(x.astype(np.float64))

    def check(actual: Array, _expected: Array) -> None:
        """To the bound in short.cuh; what is below the normal numbers may be zero."""
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(x))
        known = ~np.isnan(x)
        error = np.abs(actual.astype(np.float64) - expected)
        assert (error[known] <= np.abs(expected[known]) * 2.0**-17 + 2.0**-126).all()

    out = Out(expected.astype(np.float32), check=check)
    return Case("short_tanh", "short", [x, out, x.size], (-(-x.size // 128), 1, 1), (128, 1, 1))


def _cell(name: str, given: list[Array], terms: list[Array]) -> Case:
    """The kernel NAME on GIVEN, whose result is the sum of TERMS, each to a relative error of 2^-16."""
    with np.errstate(all="ignore"):
        expected = np.sum(terms, axis=0)
        allowed = np.sum(np.abs(terms), axis=0) * 2.0**-16 + 2.0**-39 * np.abs(given[1])

    def check(actual: Array, _expected: Array) -> None:
        """To the bounds in short.cuh."""
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
        known = np.isfinite(expected)
        error = np.abs(actual[known].astype(np.float64) - expected[known])
        assert (error <= allowed[known] + 2.0**-39).all()

    out, size = Out(expected.astype(np.float32), check=check), given[0].size
    return Case(name, "short", [*given, out, size], (-(-size // 128), 1, 1), (128, 1, 1))


def cells(x: Array) -> list[Case]:
    """What cells of an LSTM compute, of numbers X in random order, one of them NaN; memories are smaller."""
    kept, admitted, fresh, gate, small = (_RANDOM.permutation(x) for _ in range(5))
    memory = np.clip(small, -8, 8)
    with np.errstate(all="ignore"):
        wide = [sigmoid(each.astype(np.float64)) for each in (kept, admitted, gate)]
        terms = [wide[0] * memory, wide[1] * np.tanh(fresh.astype(np.float64))]
        shown = [wide[2] * np.tanh(fresh.astype(np.float64))]
    return [
        _cell("short_memory", [kept, memory, admitted, fresh], terms),
        _cell("short_gated_tanh", [gate, fresh], shown),
    ]


def arithmetic(name: str, elements: int, x: Array, y: Array) -> Case:
    """The kernel NAME, whose threads take ELEMENTS each, on X and Y, against f32 rounded once."""
    wide, other = x.astype(np.float32), y.astype(np.float32)
    with np.errstate(all="ignore"):
        expected = [each.astype(np.float16) for each in (wide + other, wide - other, wide * other)]
    grid = (x.size // (elements * _BLOCK), 1, 1)
    return Case(name, "short", [x, y, *map(Out, expected)], grid, (_BLOCK, 1, 1))


def _halves() -> tuple[Array, Array]:
    """Every f16 with another, then numbers of like size, whose sums round in every way."""
    every = np.arange(65536, dtype=np.uint16)
    near = _RANDOM.integers(0x3000, 0x5000, 65536).astype(np.uint16)
    x = np.concatenate([every, near, near]).view(np.float16)
    signs = _RANDOM.integers(0, 2, 65536).astype(np.uint16) << np.uint16(15)
    others = (_RANDOM.integers(0x3000, 0x5000, 65536).astype(np.uint16), near[::-1] ^ signs)
    return x, np.concatenate([_RANDOM.permutation(every), *others]).view(np.float16)


def cases() -> list[Case]:
    x, y = _halves()
    near = np.linspace(-90, 90, 721, dtype=np.float32)
    return [
        short_sigmoid(np.concatenate([floats(300), near])),
        short_gelu(np.concatenate([floats(300), near, near / 12])),
        short_tanh(np.concatenate([floats(300), near / 64, near / 4])),
        *cells(np.concatenate([near, near / 8, near / 64, near / 512, [np.nan]]).astype(np.float32)),
        arithmetic("arithmetic_f16", 8, x, y),
        arithmetic("arithmetic_f16_16", 16, x, y),
    ]
