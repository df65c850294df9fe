"""Conversions and math on the host over floats that hypothesis chooses."""

from __future__ import annotations

import numpy as np
from glassrt.runtime.host import HostModule
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .cases import Array, Case
from .host_launch import run_on_host, verify
from .suite_scalars import (
    INTEGER_TYPES,
    floats_from_integers,
    integers_from_floats,
    integers_from_integers,
    math_binary,
    math_integers,
    math_tests,
    math_unary,
    math_unary_f64,
    narrow,
    narrow_wide,
    quantize_each,
    quantize_quads,
    round_tf32,
)

SIZE = 64


def _quiet(values: Array) -> Array:
    if values.dtype.kind != "f":
        return values
    return np.where(np.isnan(values), values.dtype.type(np.nan), values)


def patterns(dtype: type, count: int = SIZE) -> st.SearchStrategy[Array]:
    """Arrays of any bit pattern: NaNs, infinities, zeros and subnormals as likely as the rest.

    NaNs are quiet: what a function makes of a signalling one differs between C libraries.
    """
    size = 8 * np.dtype(dtype).itemsize
    any_bits = st.integers(0, 2**size - 1)
    values = st.floats(width=size) if np.dtype(dtype).kind == "f" else any_bits  # type: ignore[arg-type]
    as_bits: st.SearchStrategy[Array] = hnp.arrays(np.dtype(f"u{size // 8}"), count, elements=any_bits).map(
        lambda raw: _quiet(raw.view(dtype))
    )
    return (
        as_bits
        if np.dtype(dtype).kind != "f"
        else st.one_of(as_bits, hnp.arrays(dtype, count, elements=values))
    )


def agrees(kernels: HostModule, case: Case) -> None:
    verify(case, run_on_host(kernels, case))


@given(x=patterns(np.float32))
def test_conversions_from_f32(kernels: HostModule, x: Array) -> None:
    agrees(kernels, narrow(x))
    agrees(kernels, quantize_each(x))
    agrees(kernels, quantize_quads(x))
    agrees(kernels, integers_from_floats(x))
    agrees(kernels, round_tf32(x))


@given(x=patterns(np.float64))
def test_conversions_from_f64(kernels: HostModule, x: Array) -> None:
    agrees(kernels, narrow_wide(x))
    agrees(kernels, integers_from_floats(x))


@given(x=patterns(np.int64))
def test_conversions_from_i64(kernels: HostModule, x: Array) -> None:
    agrees(kernels, integers_from_integers(x))
    agrees(kernels, floats_from_integers(x))


@given(x=patterns(np.float32), y=patterns(np.float32))
def test_math_in_f32(kernels: HostModule, x: Array, y: Array) -> None:
    agrees(kernels, math_unary(x))
    agrees(kernels, math_binary(x, y))
    agrees(kernels, math_tests(x))


@given(x=patterns(np.float64))
def test_math_in_f64(kernels: HostModule, x: Array) -> None:
    agrees(kernels, math_unary_f64(x))


@given(data=st.data(), name=st.sampled_from(sorted(INTEGER_TYPES)))
def test_math_in_integers(kernels: HostModule, data: st.DataObject, name: str) -> None:
    kind = INTEGER_TYPES[name]
    agrees(kernels, math_integers(name, data.draw(patterns(kind)), data.draw(patterns(kind))))
