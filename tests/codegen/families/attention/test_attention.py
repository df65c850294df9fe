"""Attention kernels, on the host and on a GPU, against the interpreter; see `attention_cases.bound`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.attention.mma import MMA, AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32
from glassrt.dialects.core.ir import SymbolRange
from hypothesis import given, settings
from hypothesis import strategies as st

from ...attention_cases import Shape, bound, module_of, with_masks
from ...one_kernel import compare, draw_inputs, plan_of

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


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_attention_agrees_with_the_interpreter(name: str, device: str) -> None:
    check(CASES[name], device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_single_precision_agrees_with_the_interpreter(name: str, device: str) -> None:
    check(replace(CASES[name], dtype=F32), device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_single_precision_configurations(rows: int, device: str) -> None:
    shape = Shape(batch=1, heads=2, queries=70, keys=90, mask=(1, 1, 1, 90), dtype=F32)
    check(shape, taking(SimtAttentionConfig(rows, 4)), device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "config", [c for c in MMA.configurations() if c.stages == 2 or c.warps_t == 1], ids=str
)
def test_configurations_agree_with_the_interpreter(config: AttentionConfig, device: str) -> None:
    check(Shape(batch=1, heads=2, queries=40, keys=270, mask=(1, 1, 1, 270)), taking(config), device)


@pytest.mark.gpu
@pytest.mark.parametrize("depth", [16, 64, 80, 128])
@pytest.mark.parametrize("mask", [None, (2, 1, 512, 512)], ids=["plain", "masked"])
def test_large_attention_agrees_with_the_interpreter(depth: int, mask: tuple[int, ...] | None) -> None:
    shape = Shape(heads=4, queries=512, keys=512, depth=depth, width=depth, mask=mask, mask_dtype=F16)
    check(shape, device="cuda")


@given(
    queries=st.integers(1, 40),
    keys=st.integers(1, 80),
    depth=st.integers(1, 40),
    width=st.integers(1, 40),
    dtype=st.sampled_from([F16, BF16]),
    layout=st.sampled_from(["dense", "inside", "packed"]),
    mask=st.sampled_from([None, "keys", "all"]),
    mask_dtype=st.sampled_from([F32, BF16, BOOL]),
    causal=st.booleans(),
    config=st.sampled_from([c for c in MMA.configurations() if c.stages == 2 and c.warps_s <= 2]),
)
@settings(max_examples=12)
def test_any_shape(
    queries: int, keys: int, depth: int, width: int, dtype: object, layout: str, mask: str | None,
    mask_dtype: object, causal: bool, config: AttentionConfig,
) -> None:  # fmt: skip
    if layout == "packed":
        queries, width = keys, depth
    shapes = {None: None, "keys": (2, 1, 1, keys), "all": (1, 2, queries, keys)}
    shape = Shape(
        heads=2, queries=queries, keys=keys, depth=depth, width=width, dtype=dtype, mask=shapes[mask],
        mask_dtype=mask_dtype, heads_inside=layout != "dense", packed=layout == "packed",
        attributes={"causal": causal},
    )  # type: ignore[arg-type]  # fmt: skip
    check(shape, taking(config))


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize(
    "config", [AttentionConfig(1, 1, 32, 2), AttentionConfig(1, 2, 32, 2), SimtAttentionConfig(2, 4)], ids=str
)
def test_queries_without_keys(guarded: bool, config: Config) -> None:
    """NaN, as softmax gives, or zeros when guarded."""
    dtype = F16 if isinstance(config, AttentionConfig) else F32
    shape = Shape(mask=(2, 1, 20, 24), mask_dtype=BOOL, attributes={"guarded": guarded}, dtype=dtype)
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(0))
    data["x3"][:, :, 5] = False
    data["x3"][:, :, 6:, 0] = True
    [(got, want)] = compare(module, data, taking(config))
    assert (np.isnan(got[:, :, 5]).all(), (got[:, :, 5] == 0).all()) == (not guarded, guarded)
    assert np.array_equal(np.isnan(got), np.isnan(want))


def test_nan_reaches_its_queries_alone() -> None:
    shape = Shape(heads=1, batch=1)
    module = module_of(shape)
    data = draw_inputs(module, np.random.default_rng(0))
    data["x0"][0, 0, 3, 2] = np.nan
    [(got, _)] = compare(module, data, taking(AttentionConfig(1, 1, 32, 2)))
    assert np.isnan(got[0, 0, 3]).all() and not np.isnan(np.delete(got, 3, 2)).any()


def test_what_the_family_does_not_take() -> None:
    family = families()["attention_mma"]
    old = replace(REFERENCE, features=frozenset())  # no tensor cores
    for shape, target, wanted in (
        (Shape(), REFERENCE, True),
        (Shape(), old, False),
        (Shape(dtype=F32), REFERENCE, False),
        (Shape(depth=200), REFERENCE, False),
    ):
        seen: list[bool] = []

        def choose(request: Request, target: ArchSpec = target, seen: list[bool] = seen) -> Candidate:
            seen.append(bool(family.propose(replace(request, target=target))))
            raise LookupError

        with pytest.raises(LookupError):
            plan_of(module_of(shape), choose)
        assert seen == [wanted]


def test_small_grids_get_small_blocks() -> None:
    chosen: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        chosen.append(candidates(request)[0])
        return chosen[-1]

    plan_of(module_of(Shape(batch=1, heads=12, queries=128, keys=128, depth=64, width=64)), choose)
    plan_of(module_of(Shape(batch=64, heads=12, queries=512, keys=512, depth=64, width=64)), choose)
    small, large = (AttentionConfig(**c.config) for c in chosen)  # type: ignore[arg-type]
    assert small.block_s < large.block_s


@pytest.mark.parametrize("target", ["sm_80", "sm_90a"])
def test_no_registers_are_spilled(target: str) -> None:
    big = Shape(heads=12, queries=512, keys=512, depth=128, width=128)
    masked = replace(big, mask=(2, 1, 512, 512), mask_dtype=F16, attributes={"causal": True})
    sources: dict[str, str] = {}
    ragged = replace(masked, keys=500, mask=(2, 1, 1, 500), depth=64, width=64, dtype=BF16)
    for shape in (big, masked, ragged):
        for config in (AttentionConfig(8, 1, 64, 2), AttentionConfig(2, 2, 64, 2)):
            sources |= plan_of(module_of(shape), taking(config)).sources
        single = replace(shape, dtype=F32, mask_dtype=F32)
        sources |= plan_of(module_of(single), taking(SimtAttentionConfig(4, 4))).sources
    compiled = compile_kernels(sources, target, headers(), None)
    check_designed(compiled, dict.fromkeys(sources, "attention"))
    assert len(compiled) == 9
