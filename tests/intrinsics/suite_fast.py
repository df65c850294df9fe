"""Cases for what softmax on tensor cores is made of."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out, same_values
from .suite_scalars import floats

_BLOCK = 128
_SMALLEST = 2.0**-126


def _grid(count: int) -> dict[str, Any]:
    return {"grid": (-(-count // _BLOCK), 1, 1), "block": (_BLOCK, 1, 1)}


def _check_powers(actual: Array, expected: Array) -> None:
    """To 2 ulp; below the normal numbers there is only zero, give or take the boundary itself."""
    tiny = expected < _SMALLEST * (1 + 2.0**-20)
    assert (actual[tiny] <= _SMALLEST * (1 + 2.0**-20)).all()
    np.testing.assert_allclose(actual[~tiny], expected[~tiny], rtol=2.0**-22)


def fast_exp2(x: Array) -> Case:
    with np.errstate(all="ignore"):
        expected = np.exp2(x.astype(np.float64)).astype(np.float32)
    return Case("fast_exp2", "fast", [x, Out(expected, check=_check_powers), x.size], **_grid(x.size))


def pack_pairs(x: Array) -> Case:
    outputs = []
    for kind in (np.float16, ml_dtypes.bfloat16):
        with np.errstate(all="ignore"):
            short = x.astype(kind)
        pairs = np.stack([short, short[::-1]], 1)

        def check(actual: Array, expected: Array, kind: Any = kind) -> None:
            same_values(actual.view(kind), expected.view(kind))

        outputs.append(Out(pairs.view(np.uint32).reshape(-1), check=check))
    return Case("pack_pairs", "fast", [x, *outputs, x.size], **_grid(x.size))


def cases() -> list[Case]:
    near = np.linspace(-130, 130, 521, dtype=np.float32)
    return [fast_exp2(np.concatenate([floats(200), near])), pack_pairs(floats(300))]
