"""What the first operand of a contraction is computed from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8, I32, U8, DType
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...one_kernel import compare, draw_inputs, family_of, kernel_module
from ...prologue_cases import (
    SYMBOLS,
    Case,
    N,
    cast_product,
    convolution,
    gathered_product,
    normalised_product,
    scaled_rows,
)
from .prologue_requests import MMA, SIMT


def test_values_that_no_kernel_can_read_on_the_way_are_left_to_other_families() -> None:
    types = [TensorType((4, 8), F32), TensorType((4, 8), F32), TensorType((8, 3), F32)]

    def body(do: Any, x: Any, y: Any, w: Any) -> Any:
        return do(Matmul(do(Add(x, y)), w))

    module = kernel_module(body, types)
    data = draw_inputs(module, np.random.default_rng(0))
    chosen = []

    def choose(request: Request) -> Any:
        chosen.append(candidates(request)[0])
        return chosen[-1]

    [(got, want)] = compare(module, data, choose)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert [candidate.family for candidate in chosen] == ["loop"]


# Elements of a first operand stay below this: what is drawn for integers.
LARGEST = 10.0

CASES: dict[str, Callable[[DType], Case]] = {
    "cast from bytes": lambda t: cast_product(t, U8),
    "cast from signed bytes": lambda t: cast_product(t, I8, inner=37),
    "cast between halves": lambda t: cast_product(t, BF16),
    "cast from floats": lambda t: cast_product(t, F16 if t == F32 else F32),
    "normalised bytes": lambda t: normalised_product(t, U8),
    "normalised in batches": lambda t: normalised_product(t, t, lead=(2, 3)),
    "normalised, transposed": lambda t: normalised_product(t, F32, rows=40, transposed=True),
    "normalised, transposed, odd": lambda t: normalised_product(t, t, transposed=True),
    "rows of a table": lambda t: gathered_product(t),
    "rows of a table, odd": lambda t: gathered_product(t, shape=(7, 37)),
    "rows of a table of bytes": lambda t: gathered_product(t, U8),
    "rows along an inner axis": lambda t: gathered_product(t, None, (N, 7, 40), 1, (5,)),
    "rows in a batch": lambda t: gathered_product(t, None, (N, 7, 40), 1, (5,), batch=(N,)),
    "one row of each": lambda t: gathered_product(t, None, (N, 7, 40), 1, ()),
    "rows by a matrix of short indices": lambda t: gathered_product(t, indices=(N, 3), index=I32),
    "scaled rows, computed indices": scaled_rows,
    "convolution of bytes": lambda t: convolution(t, U8),
    "convolution of floats": lambda t: convolution(t, F16 if t == F32 else F32, channels=20),
    "grouped convolution": lambda t: convolution(t, I8, groups=2),
    "pointwise convolution": lambda t: convolution(t, U8, channels=32, taps=1),
}


def check(case: Case, dtype: DType, family: str, size: int = 3) -> None:
    body, inputs, outputs, inner = case
    module = kernel_module(body, inputs, outputs, SYMBOLS)
    data = draw_inputs(module, np.random.default_rng(size), {"N": size})
    [(got, want)] = compare(module, data, family_of(family))
    assert got.shape == want.shape and got.dtype == want.dtype
    unit = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
    scale = (np.sqrt(inner) * 3 + 3) * LARGEST
    bound = 8 * np.sqrt(inner) * unit["f32"] * scale + unit[dtype.name] * 2 * np.abs(want.astype(np.float64))
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    assert (error <= bound).all(), f"{error.max()} at {np.unravel_index(error.argmax(), error.shape)}"


@pytest.mark.parametrize(("dtype", "family"), [(F32, SIMT), (F16, MMA)], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_prologues_agree_with_the_interpreter(name: str, dtype: DType, family: str) -> None:
    check(CASES[name](dtype), dtype, family)


dimension = st.integers(1, 70)

sources = st.sampled_from([U8, I8, F16, F32])


@st.composite
def cases(draw: st.DrawFn, dtype: DType) -> Case:
    rows, inner, columns = draw(dimension | st.just(N)), draw(dimension), draw(dimension)
    match draw(st.sampled_from(["cast", "normalise", "gather", "convolve"])):
        case "cast":
            return cast_product(dtype, draw(sources), rows, max(inner, 2), columns)
        case "normalise":
            lead = draw(st.sampled_from([(), (2,)]))
            turned = draw(st.booleans())
            # With a single row or product, a value of a row cannot be told from the operand.
            rows = max(rows, 2) if isinstance(rows, int) else rows
            return normalised_product(dtype, draw(sources), rows, max(inner, 2), columns, lead, turned)
        case "gather":
            lead = draw(st.sampled_from([(), (2,), (N,)]))
            indices = draw(st.sampled_from([(rows,), (2, 3)]))
            shape = (*lead, draw(st.integers(1, 12)), inner)
            return gathered_product(dtype, draw(sources), shape, len(lead), indices, columns)
    groups, taps = draw(st.integers(1, 2)), draw(st.sampled_from([1, 3]))
    return convolution(dtype, draw(sources), draw(st.integers(2, 20)) * groups, taps, groups, 8 * groups)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), size=st.integers(1, 40))
def test_prologues_of_random_shapes_agree_with_the_interpreter(data: st.DataObject, size: int) -> None:
    dtype, family = data.draw(st.sampled_from([(F32, SIMT), (F16, MMA), (BF16, MMA), (F16, SIMT)]))
    check(data.draw(cases(dtype)), dtype, family, size)
