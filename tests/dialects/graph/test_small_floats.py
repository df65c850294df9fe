"""Casts to and from the types of 8 bits and less: every bit pattern, and many numbers, against ml_dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BF16, DTYPES, F8E8M0, F32, FLOATS8, INTEGERS4, DType, from_numpy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.numeric import converted
from glassrt.dialects.graph.small_floats import ROUND_MODES
from glassrt.errors import IRError
from onnx.numpy_helper import to_float8e8m0

from ...codegen.one_kernel import compare, kernel_module

Array = np.ndarray[Any, Any]
SMALL = [dtype for dtype in DTYPES.values() if dtype.bits <= 8 and dtype.name not in ("i8", "u8", "bool")]
FLOATS = [dtype for dtype in SMALL if dtype.is_float and dtype != F8E8M0]
MODES = [(saturate, mode) for saturate in (True, False) for mode in ROUND_MODES]


def patterns(dtype: DType) -> Array:
    """256 elements of DTYPE, among them every one."""
    return (np.arange(256) & ((1 << dtype.bits) - 1)).astype(np.uint8).view(dtype.numpy)


def numbers() -> Array:
    """In f32: all numbers of the small types, the middles between them, what lies beside both, and others."""
    exact = np.unique(np.concatenate([patterns(each).astype(np.float32) for each in SMALL]))
    exact = exact[np.isfinite(exact)]
    exact = np.concatenate([exact, (exact[1:] + exact[:-1]) / 2, exact * np.float32(0.75)])
    near = [np.nextafter(exact, np.float32(end)) for end in (np.inf, -np.inf)]
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38, 1e10, -1e10], np.float32)
    return np.concatenate([exact, *near, special]).astype(np.float32)


def same(have: Array, want: Array) -> None:
    """Equal in type and bits, whichever NaN a NaN is."""
    assert have.dtype == want.dtype
    if from_numpy(have.dtype).is_float:
        with np.errstate(invalid="ignore"):
            left, right = have.astype(np.float64), want.astype(np.float64)
        np.testing.assert_array_equal(left, right)
        known = ~np.isnan(right)
        np.testing.assert_array_equal(np.signbit(left[known]), np.signbit(right[known]))
    else:
        np.testing.assert_array_equal(have.astype(np.int64), want.astype(np.int64))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floats_saturate(dtype: DType) -> None:
    x = numbers()
    most = float(ml_dtypes.finfo(dtype.numpy).max)
    bounded = np.where(np.isnan(x) & (dtype.bits < 8), 0, np.clip(x, -most, most))
    with np.errstate(invalid="ignore"):
        same(converted(x, dtype), bounded.astype(np.float32).astype(dtype.numpy))


@pytest.mark.parametrize("dtype", FLOATS8, ids=str)
def test_floats_overflow_where_they_may(dtype: DType) -> None:
    x = numbers()
    with np.errstate(all="ignore"):
        same(converted(x, dtype, saturate=False), x.astype(dtype.numpy))


@pytest.mark.parametrize("mode", ROUND_MODES)
def test_powers_of_two_of_normal_numbers_are_those_of_onnx(mode: str) -> None:
    x = numbers()
    normal = x[np.isfinite(x) & (x >= 2.0**-126)]
    for saturate in (True, False):
        same(
            converted(normal, F8E8M0, saturate=saturate, round_mode=mode),
            to_float8e8m0(normal, saturate, mode),
        )


def test_powers_of_two_at_the_ends() -> None:
    """The table of ONNX Cast; and the least power, which is subnormal in f32, is itself."""
    x = np.array([np.nan, np.inf, 0, -1, 2.0**-140, 2.0**-127, 3.0 * 2.0**-128], np.float32)
    least, most, nan = 2.0**-127, 2.0**127, np.nan
    expected = {
        (True, "up"): [nan, most, least, least, least, least, 2 * least],
        (True, "down"): [nan, most, least, least, least, least, least],
        (False, "nearest"): [nan, nan, nan, nan, nan, least, 2 * least],
    }
    for (saturate, mode), gives in expected.items():
        have = converted(x, F8E8M0, saturate=saturate, round_mode=mode).astype(np.float64)
        np.testing.assert_array_equal(have, gives)


def test_integers_keep_their_low_bits() -> None:
    x = np.array([-9, -1, 0, 7, 8, 300, -300], np.int32)
    for dtype in INTEGERS4:
        same(converted(x, dtype), x.astype(dtype.numpy))
        same(converted(x.astype(np.float32), dtype), x.astype(dtype.numpy))
    edges = np.array([1.9, -1.9, np.nan, np.inf, -np.inf], np.float32)
    assert converted(edges, DTYPES["i4"]).astype(int).tolist() == [1, -1, 0, -1, 0]


# ---------------------------------------------------------------- kernels


def held(arrays: Sequence[Array], casts: Sequence[Callable[[Sequence[Value]], Cast]]) -> None:
    """A kernel on the host that does all CASTS of ARRAYS gives what the interpreter gives."""

    def body(do: Callable[[Cast], Value], *values: Value) -> tuple[Value, ...]:
        return tuple(do(cast(values)) for cast in casts)

    module = kernel_module(body, [TensorType(x.shape, from_numpy(x.dtype)) for x in arrays])
    for got, interpreted in compare(module, {f"x{at}": x for at, x in enumerate(arrays)}):
        same(got, interpreted)


def test_kernels_narrow_as_the_interpreter_does() -> None:
    plain = [lambda values, to=to: Cast(values[0], to=to) for to in SMALL]
    loose = [lambda values, to=to: Cast(values[0], to=to, saturate=False) for to in FLOATS8]
    powers = [
        lambda values, how=how: Cast(values[0], to=F8E8M0, saturate=how[0], round_mode=how[1])
        for how in MODES
    ]
    held([numbers()], [*plain, *loose, *powers])


@pytest.mark.parametrize("target", ["f32", "bf16", "u16", "f4e2m1", "i2"])
def test_kernels_widen_as_the_interpreter_does(target: str) -> None:
    arrays = [patterns(dtype) for dtype in SMALL]
    casts = [lambda values, at=at: Cast(values[at], to=DTYPES[target]) for at in range(len(SMALL))]
    held(arrays, casts)


def test_bits_above_an_element_do_not_count() -> None:
    codes = np.arange(256, dtype=np.uint8)
    arrays = [codes.view(DTYPES[name].numpy) for name in ("i4", "u4", "i2", "u2")]
    module = kernel_module(
        lambda do, *values: tuple(do(Cast(value, to=F32)) for value in values),
        [TensorType(x.shape, from_numpy(x.dtype)) for x in arrays],
    )
    found = compare(module, {f"x{at}": x for at, x in enumerate(arrays)})
    signed = ((codes & 15) ^ 8).astype(np.int32) - 8
    for (got, _), want in zip(
        found, (signed, codes & 15, ((codes & 3) ^ 2).astype(int) - 2, codes & 3), strict=True
    ):
        np.testing.assert_array_equal(got, want.astype(np.float32))


# ---------------------------------------------------------------- what is no cast


@pytest.mark.parametrize(
    ("to", "attributes", "words"),
    [
        (BF16, {"saturate": False}, "bf16 cannot do without saturate"),
        (DTYPES["f4e2m1"], {"saturate": False}, "f4e2m1 cannot do without saturate"),
        (F32, {"round_mode": "down"}, "a cast to f32 has no round_mode 'down'"),
    ],
)
def test_attributes_are_for_the_types_that_have_them(
    to: DType, attributes: dict[str, Any], words: str
) -> None:
    with pytest.raises(IRError, match=words):
        kernel_module(lambda do, x: do(Cast(x, to=to, **attributes)), [TensorType((3,), F32)])
