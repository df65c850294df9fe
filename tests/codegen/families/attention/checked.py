"""Attention kernels against the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32
from glassrt.dialects.core.module import SymbolRange

from ...attention_cases import Shape, bound, module_of, with_masks
from ...one_kernel import compare, draw_inputs

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]


N, S, T = symbol("N"), symbol("S"), symbol("T")


SYMBOLS = {"N": SymbolRange(1, 2, 4), "S": SymbolRange(1, 20, 90), "T": SymbolRange(1, 24, 100)}


CASES = {
    "plain": Shape(),
    "bf16": Shape(dtype=BF16, queries=33, keys=40),
    "more keys than a tile": Shape(queries=40, keys=150, depth=32, width=48),
    "f32 result": Shape(out=F32, width=24),
    "odd features": Shape(depth=13, width=7),
    "one query": Shape(queries=1, keys=77),
    "one key": Shape(queries=17, keys=1),
    "causal": Shape(queries=70, keys=70, attributes={"causal": True}),
    "causal, more queries": Shape(queries=70, keys=40, attributes={"causal": True}),
    "negative scale": Shape(attributes={"scale": -0.3}),
    "mask of keys": Shape(mask=(2, 1, 1, 24)),
    "mask of queries": Shape(mask=(20, 1)),
    "mask in f16": Shape(mask=(1, 3, 20, 24), mask_dtype=F16, keys=24),
    "odd mask": Shape(mask=(2, 1, 20, 25), keys=25),
    "boolean mask": Shape(mask=(2, 1, 20, 24), mask_dtype=BOOL),
    "boolean mask, filled": Shape(mask=(1, 1, 1, 24), mask_dtype=BOOL, attributes={"fill": -1e4}),
    "causal with a mask": Shape(mask=(2, 1, 1, 24), attributes={"causal": True}),
    "capped": Shape(attributes={"cap": 1.5}),
    "capped with a mask": Shape(keys=20, mask=(2, 1, 20, 20), attributes={"cap": 1.5, "causal": True}),
    "heads inside": Shape(heads_inside=True, mask=(2, 1, 1, 24)),
    "packed": Shape(heads_inside=True, packed=True, queries=24),
    "symbols": Shape(batch=N, queries=S, keys=T, mask=(N, 1, 1, T), heads_inside=True),
}


Config = AttentionConfig | SimtAttentionConfig


def taking(config: Config) -> Callable[[Request], Candidate]:
    """A choice of CONFIG for attention, of the cheapest for what copies operands."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        family = "attention_mma" if isinstance(config, AttentionConfig) else "attention_simt"
        return Candidate(family, asdict(config), 1.0)

    return choose


def check(shape: Shape, choose: Callable[[Request], Candidate] | None = None, device: str = "host") -> None:
    sizes = {"N": 3, "S": 37, "T": 69}
    symbols = SYMBOLS if shape.queries is S else None
    module = module_of(shape, symbols)
    rng = np.random.default_rng(1)
    data = with_masks(draw_inputs(module, rng, sizes if symbols else {}), shape, rng)
    [(got, want)] = compare(module, data, choose, device)
    assert got.shape == want.shape and got.dtype == want.dtype
    values = list(data.values())[0 if shape.packed else 2].astype(np.float64)
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    allowed = bound(shape, want.astype(np.float64), float(np.abs(values).max()))
    assert (error <= allowed).all(), f"off by {error.max()} where {allowed.min()} is allowed"
