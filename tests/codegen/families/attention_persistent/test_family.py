"""The family of persistent attention: what it takes, and its kernels against the interpreter."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig, shapes
from glassrt.codegen.families.attention_persistent.family import bulk_matrices
from glassrt.codegen.families.registry import families
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.printer import print_module
from glassrt.runtime.engine import Engine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ...attention_cases import Array, Shape, bound, module_of, with_masks
from ...contraction_cases import TARGET
from ...one_kernel import check_fitting, compare, draw_inputs, plan_of
from ..attention.checked import CASES, N, S, T
from .checked import NAME, problem_of, request_of, taking

FEW = replace(
    REFERENCE, card=replace(REFERENCE.card, multiprocessors=4)
)  # blocks take several tiles, in bands
SYMBOLS = {"N": SymbolRange(1, 2, 4), "S": SymbolRange(1, 64, 300), "T": SymbolRange(1, 64, 300)}
MASKED = Shape(
    batch=N, heads=2, queries=S, keys=T, depth=40, width=72, dtype=BF16, mask=(N, 1, S, T), mask_dtype=BOOL,
    attributes={"causal": True, "guarded": True},
)  # fmt: skip
UNSCALED = replace(MASKED, attributes={"causal": True, "guarded": True, "scale": 1.0})
WIDE = Shape(
    batch=1, heads=2, queries=150, keys=170, depth=200, width=256, dtype=BF16, attributes={"causal": True}
)  # fmt: skip
ADDED = replace(MASKED, mask=(N, 1, 1, T), mask_dtype=BF16, attributes={"guarded": True})
PACKED = Shape(batch=N, heads=3, queries=S, keys=S, depth=32, width=32, heads_inside=True, packed=True)
VISION = Shape(batch=8, heads=12, queries=197, keys=197, depth=64, width=64, heads_inside=True, packed=True)
ALL_CASES = {name: shape for name, shape in CASES.items() if name != "odd features"}


DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]


@cache
def engine_of(name: str, device: str = "host") -> tuple[Module, Engine]:
    """A kernel of any sizes, on few multiprocessors."""
    shape, config = {
        "masked": (MASKED, PersistentAttentionConfig(1, 64, 2, 1)),
        "unscaled": (UNSCALED, PersistentAttentionConfig(1, 64, 2, 1)),
        "added": (ADDED, PersistentAttentionConfig(1, 64, 2, 1)),
        "packed": (PACKED, PersistentAttentionConfig(2, 64, 2, 2)),
    }[name]
    module = module_of(shape, SYMBOLS)
    launch = precision_to_launch(module, FEW, taking(asdict(config)))
    levels = {"graph": "", "fused": "", "precision": print_module(module), "launch": print_module(launch)}
    return module, Engine(assemble(launch, levels, [], BuildOptions((FEW,))), device)


LENGTHS = {"batch": st.integers(1, 3), "queries": st.integers(1, 200), "seed": st.integers(0, 99)}


@given(**LENGTHS, keys=st.integers(1, 140), kept=st.sampled_from([0.01, 0.5, 1.0]))
@settings(max_examples=4)
@example(batch=3, queries=130, seed=0, keys=129, kept=0.02)
def test_any_lengths_and_masks(batch: int, queries: int, keys: int, kept: float, seed: int) -> None:
    """Rows that a mask leaves no key are zeros, as they are guarded."""
    module, engine = engine_of("masked")
    rng = np.random.default_rng(seed)
    data = draw_inputs(module, rng, {"N": batch, "S": queries, "T": keys})
    data["x3"] = rng.random(data["x3"].shape) < kept
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    near(MASKED, got, want, data["x2"])
    seen = (data["x3"][:, 0] & np.tri(queries, keys, dtype=np.bool_)).any(-1)
    assert not got.transpose(0, 2, 1, 3)[~seen].any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("low", "high"), [(-1e4, 0), (-3e38, 0), (-np.inf, 0), (-1e4, 2000), (-1e4, 750)])
def test_masks_of_keys_in_the_type_of_the_queries(low: float, high: float, device: str) -> None:
    """Tiles with and without keys, and sequences with none; sums far from zero are rounded to the type."""
    module, engine = engine_of("added", device)
    rng = np.random.default_rng(8)
    data = draw_inputs(module, rng, {"N": 3, "S": 90, "T": 200})
    mask = np.where(rng.random(data["x3"].shape) < 0.3, low, high * (rng.random(data["x3"].shape) < 0.2))
    mask[0, ..., :130], mask[1, ..., 100:], mask[2] = low, low, low
    data["x3"] = mask.astype(data["x3"].dtype)
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    near(ADDED, got, want, data["x2"])


@pytest.mark.parametrize("device", DEVICES)
def test_only_rows_far_from_zero_are_rounded(device: str) -> None:
    """Half of the rows of each warp are; the scores of the others, of about 490, would change by rounding."""
    module, engine = engine_of("added", device)
    data = draw_inputs(module, np.random.default_rng(9), {"N": 1, "S": 130, "T": 200})
    data["x0"][..., 0] = np.where(np.arange(130) % 16 < 8, 64, 192)
    data["x1"][..., 0] = 48
    data["x3"][:] = 0
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    near(ADDED, got, want, data["x2"])


@pytest.mark.parametrize("device", DEVICES)
def test_wide_heads(device: str) -> None:
    """Of 256 features, with scores that rise, and are far from zero."""
    module = module_of(WIDE)
    data = draw_inputs(module, np.random.default_rng(7))
    data["x1"][..., 70:, :] *= 400
    [(got, want)] = compare(module, data, taking(asdict(PersistentAttentionConfig(2, 80, 2, 1))), device)
    near(WIDE, got, want, data["x2"])


@given(**LENGTHS)
@settings(max_examples=4)
@example(batch=3, queries=197, seed=0)
def test_any_lengths_of_heads_that_lie_packed(batch: int, queries: int, seed: int) -> None:
    module, engine = engine_of("packed")
    data = draw_inputs(module, np.random.default_rng(seed), {"N": batch, "S": queries, "T": queries})
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    near(PACKED, got, want, data["x0"])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", ["rise", "begin with minus infinity", "are far from zero", "fall"])
def test_largest_scores_anywhere(rows: str, device: str) -> None:
    """References of exponents lag behind the largest scores, and follow where these are far ahead."""
    module, engine = engine_of("packed", device)
    data = draw_inputs(module, np.random.default_rng(5), {"N": 1, "S": 200, "T": 200})
    q, k, v = np.split(data["x0"], 3, axis=-1)  # views
    tile = np.arange(200)[None, :, None] // 64
    if rows == "begin with minus infinity":
        q[..., ::32], k[..., ::32] = -1, np.where(tile < 2, np.inf, 2000)
    else:
        k *= {"rise": 1 + 20 * tile, "are far from zero": 30 + 900 * tile, "fall": 60 - 20 * tile}[rows]
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    near(PACKED, got, want, v)
    if rows == "rise":  # some of the rows take nothing but values of the last tile
        assert np.isfinite(got).all() and np.abs(k).max() > 40


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("query", "key"), [(8.0, 8.0), (2.0**13, 2.0**13), (2.0**63, 1.5 * 2.0**64)])
def test_some_rows_are_far_from_zero_after_tiles_near_it(query: float, key: float, device: str) -> None:
    """Their exponents are of differences of scores: products of these with log2(e) are coarse, or infinite.

    The other rows of their warps have references that followed their largest scores before.
    """
    module, engine = engine_of("unscaled", device)
    data = draw_inputs(module, np.random.default_rng(6), {"N": 1, "S": 200, "T": 200})
    q, k, row = data["x0"], data["x1"], np.arange(200)
    data["x3"][..., :2] = True
    q[:], k[:] = 0, 0
    q[..., 0], k[..., 0] = 1, 50 * (row // 64 == 1)
    q[..., 1], k[..., 1] = np.where(row % 3 == 0, query, 0), np.where(row // 64 == 2, key, 0)
    q[..., 2], k[..., 2] = 1, row % 3 * 8  # an ulp of the largest scores in the second case
    (got,), (want,) = engine.run(data).values(), interpret(module, data).values()
    assert np.isfinite(want).all()
    near(UNSCALED, got, want, data["x2"])


def near(shape: Shape, got: Array, want: Array, values: Array) -> None:
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    largest = float(np.abs(values.astype(np.float64)).max())
    assert (error <= bound(shape, want.astype(np.float64), largest)).all(), f"off by {error.max()}"


def check(shape: Shape, config: PersistentAttentionConfig, device: str) -> None:
    symbols = SYMBOLS if shape.queries is S else None
    module = module_of(shape, symbols)
    rng = np.random.default_rng(1)
    sizes = {"N": 3, "S": 137, "T": 169} if symbols else {}
    data = with_masks(draw_inputs(module, rng, sizes), shape, rng)
    [(got, want)] = compare(module, data, taking(asdict(config)), device)
    near(shape, got, want, list(data.values())[0 if shape.packed else 2])


def some(shape: Shape, symbols: Any = None) -> list[PersistentAttentionConfig]:
    """The configurations for SHAPE with the fewest and the most keys, for each number of warpgroups."""
    found = list(shapes(problem_of(shape, symbols), TARGET.shared_bytes))
    ends = {(c.groups, c.keys): c for c in found}
    own = {groups: [keys for of, keys in ends if of == groups] for groups, _ in ends}
    return [ends[groups, keys] for groups, every in own.items() for keys in {min(every), max(every)}]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ALL_CASES)
def test_a_gpu_agrees_with_the_interpreter(name: str) -> None:
    shape = ALL_CASES[name]
    symbols = SYMBOLS if shape.queries is S else None
    check_fitting(some(shape, symbols), lambda config: check(shape, config, "cuda"))


@pytest.mark.gpu
@pytest.mark.parametrize("depth", [32, 64, 80, 96, 128, 160, 192, 256])
@pytest.mark.parametrize("causal", [False, True])
def test_a_gpu_attends_to_many_keys(depth: int, causal: bool) -> None:
    shape = Shape(heads=4, queries=777, keys=777, depth=depth, width=depth, attributes={"causal": causal})
    check_fitting(some(shape), lambda config: check(shape, config, "cuda"))


@pytest.mark.parametrize(
    ("name", "shape", "config"),
    [
        ("heads", VISION, PersistentAttentionConfig(2, 208, 2, 2)),
        ("masked", replace(MASKED, depth=128, width=64), PersistentAttentionConfig(3, 64, 2, 1)),
        ("added", ADDED, PersistentAttentionConfig(2, 128, 2, 1)),
        ("long", Shape(batch=8, heads=8, queries=1500, keys=1500), PersistentAttentionConfig(3, 128, 3, 2)),
    ],
)
def test_emitted_text(name: str, shape: Shape, config: PersistentAttentionConfig, golden: Any) -> None:
    symbols = SYMBOLS if shape.queries is S else None
    (source,) = plan_of(module_of(shape, symbols), taking(asdict(config))).sources.values()
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Shape(depth=13), "multiples of 16 bytes"),
        (Shape(dtype=F32), "16-bit floats"),
        (Shape(keys=0), "no empty dimension"),
    ],
)
def test_what_it_does_not_take(shape: Shape, reason: str) -> None:
    request = request_of(shape)
    assert reason in str(bulk_matrices(problem_of(shape), request)) and not families()[NAME].propose(request)


def test_only_targets_with_bulk_copies_and_wgmma_propose_it() -> None:
    family = families()[NAME]
    assert family.runs_on(TARGET) and family.propose(request_of(Shape(dtype=F16)))
    assert not any(family.runs_on(arch_named(name)) for name in ("sm_80", "sm_89", "sm_90", "sm_120a"))
