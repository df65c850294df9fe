"""Cases for conversions and math: every function over values that include all the special ones."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out
from .reference_math import BINARY, UNARY, exact_pairs, exact_rows, integer_rows, nearest_tf32
from .ulp import within_ulps

_RANDOM = np.random.default_rng(4)
_BLOCK = 256
_SPECIAL_TEXT = """
    0 -0 1 -1 0.5 -0.5 1.5 2.5 -2.5 inf -inf nan 1e-45 -1e-45 1e-40 -1e-40 1.1754944e-38
    3.4028235e38 -3.4028235e38 65504 65519.996 65520 6e-8 2.9e-8 448 464 480 57344 61440
    127 128 255 256 32767 32768 2147483520 2147483648 4294967296 9.223372e18 1.8446744e19
    -128 -129 -32769 -2147483648 -9.223372e18 88.72284 -87.33655 -103.97 1e4 16777217
"""
SPECIAL = np.array([float(word) for word in _SPECIAL_TEXT.split()], np.float32)


def floats(count: int) -> Array:
    """Special values, then values spread over all exponents, then ordinary ones."""
    spread = _RANDOM.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32).view(np.float32)
    plain = (_RANDOM.standard_normal(count) * 8).astype(np.float32)
    return np.concatenate([SPECIAL, spread, plain])


def _grid(count: int, block: int = _BLOCK) -> dict[str, Any]:
    return {"grid": (-(-count // block), 1, 1), "block": (block, 1, 1)}


def saturated(x: Array, dtype: type) -> Array:
    """x in an 8-bit format, beyond its range the largest finite value (ONNX Cast, saturate = 1)."""
    largest = np.float32(ml_dtypes.finfo(dtype).max)
    with np.errstate(all="ignore"):
        return np.where(np.isnan(x), x, np.clip(x, -largest, largest)).astype(dtype)


def narrow(x: Array) -> Case:
    with np.errstate(all="ignore"):
        outputs: list[Array] = [x.astype(np.float16), x.astype(ml_dtypes.bfloat16)]
    outputs += [saturated(x, ml_dtypes.float8_e4m3fn), saturated(x, ml_dtypes.float8_e5m2)]
    return Case(
        "narrow", "convert_floats", [x, *(Out(output) for output in outputs), x.size], **_grid(x.size)
    )


def narrow_wide(x: Array) -> Case:
    with np.errstate(all="ignore"):
        outputs: list[Array] = [x.astype(np.float16), x.astype(np.float32)]
    return Case(
        "narrow_wide", "convert_floats", [x, *(Out(output) for output in outputs), x.size], **_grid(x.size)
    )


def widen_all() -> Case:
    patterns = np.arange(65536, dtype=np.uint16)
    low = (patterns & 0xFF).astype(np.uint8)
    sources = [patterns.view(np.float16), patterns.view(ml_dtypes.bfloat16)]
    sources += [low.view(ml_dtypes.float8_e4m3fn), low.view(ml_dtypes.float8_e5m2)]
    return Case(
        "widen_all", "convert_floats", [Out(source.astype(np.float32)) for source in sources], **_grid(65536)
    )


def to_bytes(x: Array, dtype: type) -> Array:
    """x rounded to the nearest integers, halves to even; beyond the range its ends, NaN to 0."""
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        rounded = np.clip(np.rint(x), limits.min, limits.max)
    return np.nan_to_num(rounded, nan=0.0).astype(dtype)


def quantize_each(x: Array) -> Case:
    outputs = [Out(to_bytes(x, np.int8)), Out(to_bytes(x, np.uint8))]
    return Case("quantize_each", "convert_floats", [x, *outputs, x.size], **_grid(x.size))


def quantize_quads(x: Array) -> Case:
    x = np.pad(x, (0, -x.size % 4))
    outputs = [to_bytes(x, np.int8), to_bytes(x, np.uint8)]
    outputs += [saturated(x, ml_dtypes.float8_e4m3fn), saturated(x, ml_dtypes.float8_e5m2)]
    outputs.append(np.maximum(outputs[0], 0))
    arguments = [x, *(Out(output) for output in outputs), x.size]
    return Case("quantize_quads", "convert_floats", arguments, **_grid(x.size // 4))


def widen_quads() -> Case:
    patterns = np.arange(256, dtype=np.uint8)
    sources = [patterns.view(np.int8), patterns, patterns.view(ml_dtypes.float8_e4m3fn)]
    arguments = [*sources, *(Out(source.astype(np.float32)) for source in sources)]
    return Case("widen_quads", "convert_floats", arguments, **_grid(64, 64))


_INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)


def _clamped(value: float, kind: type) -> int:
    limits = np.iinfo(kind)
    if value != value:
        return 0
    return max(limits.min, min(limits.max, int(value) if abs(value) < 1e30 else int(np.sign(value)) * 2**70))


def integers_from_floats(x: Array) -> Case:
    outputs: list[Array] = [
        np.array([_clamped(float(value), kind) for value in x], kind) for kind in _INTEGERS
    ]
    kernel = f"integers_from_f{8 * x.itemsize}"
    return Case(
        kernel,
        "convert_integers",
        [x, *(Out(output) for output in outputs), Out(x != 0), x.size],
        **_grid(x.size),
    )


def integers_from_integers(x: Array) -> Case:
    outputs = [x.astype(kind) for kind in _INTEGERS]
    return Case(
        "integers_from_i64",
        "convert_integers",
        [x, *(Out(output) for output in outputs), Out(x != 0), x.size],
        **_grid(x.size),
    )


def floats_from_integers(x: Array) -> Case:
    single = x.astype(np.float32)
    with np.errstate(all="ignore"):
        outputs: list[Array] = [
            single,
            x.astype(np.float64),
            single.astype(np.float16),
            single.astype(ml_dtypes.bfloat16),
        ]
    return Case(
        "floats_from_i64",
        "convert_integers",
        [x, *(Out(output) for output in outputs), x.size],
        **_grid(x.size),
    )


def round_tf32(x: Array) -> Case:
    rounded = nearest_tf32(x)

    def check(actual: Array, expected: Array) -> None:
        both = np.isnan(actual.view(np.float32)) & np.isnan(expected.view(np.float32))
        np.testing.assert_array_equal(np.where(both, 0, actual), np.where(both, 0, expected))

    return Case("round_tf32", "tf32", [x, Out(rounded, check=check), x.size], **_grid(x.size))


def _halves() -> Array:
    """Where rounding and the ends of the bytes' ranges change what comes out."""
    halves = np.arange(-140, 270, 0.5, dtype=np.float32)
    return np.concatenate(
        [halves, np.nextafter(halves, np.float32(-1e9)), np.nextafter(halves, np.float32(1e9))]
    )


def _check_rows(bounds: list[tuple[str, float]], dtype: type) -> Any:
    def check(actual: Array, expected: Array) -> None:
        for (name, bound), row, exact in zip(bounds, actual, expected, strict=True):
            try:
                within_ulps(bound)(row, exact)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None

    return check


def math_unary(x: Array) -> Case:
    exact = exact_rows(x)
    bounds = [(name, bound) for name, (_, bound) in UNARY.items()]
    output = Out(exact, np.zeros(exact.shape, np.float32), _check_rows(bounds, np.float32))
    return Case("math_unary", "math_unary", [x, output, x.size], **_grid(x.size, 128))


def math_unary_f64(x: Array) -> Case:
    exact = exact_rows(x)
    # The reference is no better than a few ULPs itself here; logistic functions add roundings.
    bounds = [(name, bound * 2) for name, (_, bound) in UNARY.items()]
    output = Out(exact, np.zeros(exact.shape), _check_rows(bounds, np.float64))
    return Case("math_unary_f64", "math_unary_f64", [x, output, x.size], **_grid(x.size, 128))


def math_binary(x: Array, y: Array) -> Case:
    exact = exact_pairs(x, y)
    bounds = [(name, bound) for name, (_, bound) in BINARY.items()]
    output = Out(exact, np.zeros(exact.shape, np.float32), _check_rows(bounds, np.float32))
    return Case("math_binary", "math_binary", [x, y, output, x.size], **_grid(x.size, 128))


def math_tests(x: Array) -> Case:
    rows = [np.isnan(x), np.isinf(x), np.isposinf(x), np.isneginf(x), (x > 0) | (x < 1), (x > 0) & (x < 1)]
    return Case("math_tests", "math_tests", [x, Out(np.stack(rows)), x.size], **_grid(x.size, 128))


def math_integers(name: str, x: Array, y: Array) -> Case:
    return Case(
        f"math_{name}", "math_integers", [x, y, Out(integer_rows(x, y)), x.size], **_grid(x.size, 128)
    )


INTEGER_TYPES = {
    "i8": np.int8,
    "u8": np.uint8,
    "i32": np.int32,
    "u32": np.uint32,
    "i64": np.int64,
    "u64": np.uint64,
}


def _integer_pairs(kind: type) -> tuple[Array, Array]:
    limits = np.iinfo(kind)
    edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, 2, 3, 7, 64]
    edges += [-1, -2, -3] if limits.min else []
    column: Array = np.array(edges, kind)
    first, second = np.meshgrid(column, column)
    size = 8 * np.dtype(kind).itemsize
    left: Array = _RANDOM.integers(0, 2**63, 500).astype(np.uint64).astype(kind)
    right: Array = np.concatenate(
        [_RANDOM.integers(0, size + 3, 250), _RANDOM.integers(0, 2**63, 250)]
    ).astype(kind)
    return np.concatenate([first.ravel(), left]), np.concatenate([second.ravel(), right])


def _doubles(x: Array) -> Array:
    """The same values in f64, and a hair beside them."""
    with np.errstate(invalid="ignore"):
        return np.concatenate(
            [x.astype(np.float64), x.astype(np.float64) * (1 + 2.0**-40), [1e300, -1e300, 1e-300]]
        )


def _ties() -> Array:
    """The middles between neighbours of every narrow format, and the numbers next to them, in f32."""
    patterns = np.arange(65536, dtype=np.uint16)
    small = np.arange(256, dtype=np.uint8)
    formats = [
        patterns.view(np.float16),
        small.view(ml_dtypes.float8_e4m3fn),
        small.view(ml_dtypes.float8_e5m2),
    ]
    middles = []
    for values in formats:
        wide = values.astype(np.float64)
        ordered = np.sort(wide[np.isfinite(wide)])
        middles.append(((ordered[:-1] + ordered[1:]) / 2).astype(np.float32))
    # bfloat16 spans all of f32, so its ties are made from bits.
    middles.append(((patterns[::7].astype(np.uint32) << 16) | 0x8000).view(np.float32))
    exact = np.concatenate(middles)
    exact = exact[np.isfinite(exact)]
    return np.concatenate([exact, *(np.nextafter(exact, np.float32(end)) for end in (np.inf, -np.inf))])


def cases() -> list[Case]:
    x, y = floats(600), _RANDOM.permutation(floats(600))
    wide = _doubles(x)
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    halves = halves[np.isfinite(halves)]
    ties = (halves[:-1] + halves[1:]) / 2  # and a hair to either side, which f32 would lose
    integers = np.concatenate([_integer_pairs(np.int64)[0], np.arange(-70000, 70000, 97)])
    return [
        narrow(np.concatenate([x, _ties()])),
        narrow_wide(np.concatenate([wide, ties, ties * (1 + 2.0**-45), ties * (1 - 2.0**-45)])),
        widen_all(),
        quantize_each(np.concatenate([x, _halves()])),
        quantize_quads(np.concatenate([x, _ties(), _halves()])),
        widen_quads(),
        integers_from_floats(x),
        integers_from_floats(wide),
        integers_from_integers(integers),
        floats_from_integers(integers),
        round_tf32(x),
        math_unary(x),
        math_unary_f64(wide),
        math_binary(x, y),
        math_tests(x),
        *(math_integers(name, *_integer_pairs(kind)) for name, kind in INTEGER_TYPES.items()),
    ]
