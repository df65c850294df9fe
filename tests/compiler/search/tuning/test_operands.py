"""Random inputs: of the right size, never zeros, of a size that results can be told apart by."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.search.tuning.operands import (
    DRAWN,
    depth_of,
    operand_bytes,
    random_bytes,
    random_inputs,
)
from glassrt.dialects.core.dtypes import BOOL, DTYPES, F16, F32, I8, U8, DType

from .small_launches import launched, some_jobs


def drawn(dtype: DType, size: int, scale: float = 1.0) -> np.ndarray:
    return random_bytes(dtype, size, scale, np.random.default_rng(0)).view(dtype.numpy)


def test_floats_are_normal_with_the_given_deviation() -> None:
    assert drawn(F16, 1 << 14).astype(float).std() == pytest.approx(1.0, abs=0.05)
    assert drawn(F32, 1 << 14, 0.25).std() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("name", [name for name, each in DTYPES.items() if each.is_float or each.bits <= 8])
def test_no_type_gets_zeros_alone(name: str) -> None:
    values = drawn(DTYPES[name], 4096).astype(np.float64)
    assert len(np.unique(values)) > 1 and (DTYPES[name] == BOOL or np.isfinite(values).all())


def test_integers_use_their_range() -> None:
    assert drawn(I8, 4096).astype(int).std() > 20 and abs(drawn(I8, 4096).astype(int).mean()) < 4
    assert 110 < drawn(U8, 4096).astype(int).mean() < 146


def test_large_inputs_repeat_what_was_drawn() -> None:
    values = drawn(U8, DRAWN + 10)
    assert values.size == DRAWN + 10 and (values[DRAWN:] == values[:10]).all()


def test_a_job_gets_bytes_for_each_buffer() -> None:
    job = next(job for job in some_jobs() if job.request.weights)
    sizes = operand_bytes(job, launched().values_at("optimum"))
    assert sizes == (4 * 32 * 4, 32 * 32 * 4, 4 * 32 * 4)  # rows, weights, results
    assert depth_of(job) == pytest.approx(32, rel=0.1)
    x, w = random_inputs(job, sizes[:2])
    assert x.size == sizes[0] and w.view(np.float32).std() == pytest.approx(32**-0.5, rel=0.1)
