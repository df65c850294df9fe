"""Maxima of windows by strips, on the host device against the interpreter."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.contraction.strips import StripConfig
from glassrt.codegen.families.registry import families
from glassrt.codegen.families.window_maxima import pool_of
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, I8, U8, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.pool import MaxPool

from ..one_kernel import compare, draw_inputs, kernel_module

N = symbol("N")
SYMBOLS = {"N": SymbolRange(1, 2, 8)}
WIDE = StripConfig(8, 1, 1, 1, 16, 32)
STRIP = StripConfig(4, 2, 3, 1, 16, 32)
DEEP = StripConfig(2, 3, 4, 2, 8, 30)


def nhwc(*shape: Any, dtype: DType = F16, order: tuple[int, ...] = ()) -> TensorType:
    return TensorType(shape, dtype, channels_last(len(shape)))


def pooled(x: TensorType, *kernel: int, stride: int = 1, **others: Any) -> Any:
    def body(do: Any, value: Any) -> Any:
        y = do(MaxPool(value, kernel=list(kernel), strides=[stride] * len(kernel), **others))
        y.type = y.type.with_layout(channels_last(x.rank))
        return y

    return body


CASES: dict[str, tuple[TensorType, Any, StripConfig]] = {
    "padded": (nhwc(N, 16, 7, 6), {"kernel": (3, 3), "pads": [1, 1, 1, 1]}, WIDE),
    "strip": (nhwc(N, 16, 7, 6), {"kernel": (3, 3), "pads": [1, 1, 1, 1]}, STRIP),
    "strided": (nhwc(2, 16, 9, 11), {"kernel": (3, 3), "stride": 2, "ceil_mode": True}, STRIP),
    "beyond its stride": (nhwc(2, 8, 10, 9), {"kernel": (2, 2), "stride": 3}, DEEP),
    "one-sided": (nhwc(1, 8, 8, 9, dtype=BF16), {"kernel": (2, 3), "pads": [0, 1, 1, 0]}, DEEP),
    "dilated": (nhwc(1, 16, 9, 9), {"kernel": (3, 3), "dilations": [2, 2], "pads": [2, 2, 2, 2]}, WIDE),
    "cropped": (nhwc(1, 16, 9, 9), {"kernel": (3, 3), "pads": [-1, -2, 0, -1]}, STRIP),
    "signed bytes": (nhwc(N, 16, 7, 6, dtype=I8), {"kernel": (3, 3), "pads": [1, 1, 1, 1]}, STRIP),
    "bytes": (nhwc(N, 16, 7, 6, dtype=U8), {"kernel": (3, 2), "pads": [1, 1, 1, 1]}, STRIP),
    "a column": (nhwc(N, 16, 7, 6), {"kernel": (3, 1), "pads": [1, 0, 1, 0]}, STRIP),
    "a column of one position each": (nhwc(N, 16, 7, 6), {"kernel": (2, 1), "stride": 2}, WIDE),
    "a row": (nhwc(N, 16, 7, 6), {"kernel": (1, 2)}, STRIP),
    "one position": (nhwc(N, 16, 7, 6), {"kernel": (1, 1), "stride": 2}, STRIP),
    "one dimension": (nhwc(3, 16, 21), {"kernel": (5,), "stride": 3, "pads": [2, 2]}, WIDE),
    "volume": (nhwc(1, 8, 4, 5, 6), {"kernel": (2, 3, 3), "pads": [1] * 6}, StripConfig(4, 2, 1, 1, 8, 32)),
    "symbolic image": (nhwc(1, 16, N + 2, N * 2 + 1), {"kernel": (3, 3), "pads": [1, 1, 1, 1]}, STRIP),
}


@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str) -> None:
    x, attributes, config = CASES[name]
    kernel, others = attributes["kernel"], {k: v for k, v in attributes.items() if k != "kernel"}
    module = kernel_module(pooled(x, *kernel, **others), [x], None, SYMBOLS)
    data = draw_inputs(module, np.random.default_rng(3), {"N": 3})
    flat = data["x0"].reshape(-1)
    if x.dtype.is_float:
        flat[5::7], flat[11::97] = -np.inf, np.nan

    def choose(request: Request) -> Candidate:
        if pool_of(request) is None:
            return families()["loop"].propose(request)[0]
        return Candidate("window_maxima", asdict(config), 1.0)

    [(got, want)] = compare(module, data, choose)
    np.testing.assert_array_equal(got.astype(np.float32), want.astype(np.float32))
