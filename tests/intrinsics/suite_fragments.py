"""Cases for what stays in registers between two products of warpgroups (wgmma_fragments.cuh, sm_90a)."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out, within

_RANDOM = np.random.default_rng(13)
_NAMES = {np.float16: "f16", ml_dtypes.bfloat16: "bf16"}
SUM = 64  # of products in each result
PANEL = 64  # columns of a slab


def _product(kernel: str, dtype: type, columns: int, across: bool = False) -> Case:
    """A product with 64 rows; ACROSS: with those in registers and an MN-major tile."""
    a, b = (_RANDOM.standard_normal((lines, SUM)).astype(dtype) for lines in (64, columns))
    exact = a.astype(np.float64) @ b.astype(np.float64).T
    # Products are aligned to the largest one, and truncated to 24 bits.
    magnitude = float((np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64)).T).max())
    out = Out(exact.astype(np.float32), check=within(0, magnitude * SUM * 2.0**-23))
    lines = _slabs(b) if across else b
    words = [np.ascontiguousarray(each).view(np.uint32).reshape(-1) for each in (a, lines)]
    shared = 2 * lines.size + (0 if across else 2 * a.size)
    name = f"{kernel}_{_NAMES[dtype]}_{columns}"
    return Case(name, "wgmma_fragments", [*words, out], block=(128, 1, 1), shared_bytes=shared, minimum=90)


def _slabs(columns: Array) -> Array:
    """COLUMNS along k as steps of k, 64 columns a slab; the last one is filled up with NaN."""
    empty = np.full((-len(columns) % PANEL, SUM), np.nan, columns.dtype)
    whole = np.concatenate([columns, empty])
    return np.concatenate([whole[i : i + PANEL].T for i in range(0, len(whole), PANEL)])


def transposed() -> Case:
    x = _RANDOM.integers(0, 1 << 32, (8, 4, 4), dtype=np.uint32)
    out = Out(np.ascontiguousarray(x.transpose(0, 2, 1)).reshape(-1))
    return Case("quad_transposed", "wgmma_fragments", [x.reshape(-1), out], minimum=90)


def cases() -> list[Case]:
    return [
        transposed(),
        *(
            _product("across", np.float16, columns, across=True)
            for columns in (32, 48, 80, 96, 112, 128, 160, 192, 224, 256)
        ),
        _product("across", ml_dtypes.bfloat16, 64, across=True),
        *(_product("wide", np.float16, columns) for columns in (80, 112, 160)),
        _product("wide", ml_dtypes.bfloat16, 176),
        _product("wide", np.float16, 208),
    ]
