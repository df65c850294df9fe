"""Attention of few queries: what the family takes, and its kernels against the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from glassrt.codegen.families.attention_few.config import FewQueriesConfig
from glassrt.codegen.families.attention_few.family import find
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import BF16, BOOL, F16, F32

from ...attention_cases import Array, Shape, bound, module_of, with_masks
from ...contraction_cases import TARGET
from ...one_kernel import compare, draw_inputs
from ..attention.checked import SYMBOLS, N, T
from .grouped import Grouped

NAME = "attention_few"
DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
STANDARD = FewQueriesConfig(4, 4, 2, 2)
CASES = {
    "one query": Shape(queries=1, keys=177, depth=64, width=64),
    "f32": Shape(queries=1, keys=177, depth=64, width=64, dtype=F32),
    "bf16": Shape(queries=3, keys=70, dtype=BF16),
    "five queries": Shape(queries=5, keys=140, depth=32, width=48),
    "wide heads": Shape(queries=2, keys=90, depth=128, width=128),
    "heads of 80": Shape(queries=2, keys=90, depth=80, width=80),
    "one key": Shape(queries=1, keys=1),
    "causal": Shape(queries=6, keys=50, attributes={"causal": True}),
    "causal, one query": Shape(queries=1, keys=50, attributes={"causal": True}),
    "f32 result": Shape(queries=2, keys=60, out=F32, width=24),
    "negative scale": Shape(queries=2, attributes={"scale": -0.3}),
    "mask of keys": Shape(queries=2, keys=300, mask=(2, 1, 1, 300)),
    "mask of queries": Shape(queries=2, mask=(2, 1)),
    "mask in f16": Shape(queries=1, mask=(1, 3, 1, 24), mask_dtype=F16),
    "odd mask": Shape(queries=2, keys=25, mask=(2, 1, 2, 25)),
    "boolean mask": Shape(queries=2, keys=200, mask=(2, 1, 1, 200), mask_dtype=BOOL),
    "boolean mask of queries": Shape(queries=3, mask=(2, 1, 3, 24), mask_dtype=BOOL),
    "boolean mask, filled": Shape(queries=1, mask=(1, 1, 1, 24), mask_dtype=BOOL, attributes={"fill": -1e4}),
    "causal with a mask": Shape(queries=4, mask=(2, 1, 1, 24), attributes={"causal": True}),
    "capped": Shape(queries=2, attributes={"cap": 1.5}),
    "f32, capped with a mask": Shape(queries=2, dtype=F32, mask=(2, 1, 2, 24), attributes={"cap": 1.5}),
    "heads inside": Shape(queries=2, heads_inside=True, mask=(2, 1, 1, 24)),
    "packed": Shape(heads_inside=True, packed=True, queries=8, keys=8),
    "symbols": Shape(batch=N, queries=2, keys=T, mask=(N, 1, 1, T), heads_inside=True),
}


def taking(config: FewQueriesConfig) -> Callable[[Request], Candidate]:
    """A choice of CONFIG with as many rows as there are, of the cheapest for what copies operands."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        found = find(request)
        assert found is not None
        least = min(config.rows, 1 << (found[1].count - 1).bit_length())
        return Candidate(NAME, asdict(replace(config, rows=least)), 1.0)

    return choose


def near(shape: Shape, got: Array, want: Array, largest: float) -> None:
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    assert (error <= bound(shape, want.astype(np.float64), largest)).all(), f"off by {error.max()}"


def check(shape: Shape, config: FewQueriesConfig, device: str) -> None:
    module = module_of(shape, SYMBOLS if shape.batch is N else None)
    rng = np.random.default_rng(1)
    data = with_masks(draw_inputs(module, rng, {"N": 3, "T": 69}), shape, rng)
    [(got, want)] = compare(module, data, taking(config), device)
    near(
        shape,
        got,
        want,
        float(np.abs(list(data.values())[0 if shape.packed else 2]).astype(np.float64).max()),
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_it_agrees_with_the_interpreter(name: str, device: str) -> None:
    check(CASES[name], STANDARD, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "config",
    [
        FewQueriesConfig(1, 4, 4, 1),
        FewQueriesConfig(2, 8, 2, 8),
        FewQueriesConfig(8, 4, 2, 4),
        FewQueriesConfig(8, 8, 2, 1),
    ],
    ids=str,
)
def test_configurations(config: FewQueriesConfig, device: str) -> None:
    check(Shape(queries=11, keys=333, depth=64, width=64, mask=(2, 1, 11, 333)), config, device)


@pytest.mark.parametrize("device", DEVICES)
def test_blocks_of_a_cluster_may_have_no_keys(device: str) -> None:
    check(Shape(queries=1, keys=192, depth=64, width=64), FewQueriesConfig(1, 4, 4, 4), device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("config", [FewQueriesConfig(1, 4, 2, 1), FewQueriesConfig(1, 4, 2, 2)], ids=str)
def test_nothing_behind_the_keys_is_read_where_tiles_divide_them(
    config: FewQueriesConfig, device: str
) -> None:
    """Though the tile after a tile is asked for before it is known whether there is one."""
    check(Shape(queries=1, keys=128, depth=64, width=64), config, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "grouped", [Grouped(), Grouped(group=6, queries=3), Grouped(group=3, masked=True)], ids=str
)
def test_heads_that_share_keys_are_rows(grouped: Grouped, device: str) -> None:
    module = grouped.module()
    data = draw_inputs(module, np.random.default_rng(2))
    [(got, want)] = compare(module, data, taking(STANDARD), device)
    near(Shape(depth=64), got, want, 5.0)


@pytest.mark.parametrize("device", DEVICES)
def test_keys_behind_the_last_one_that_a_mask_keeps_are_not_read(device: str) -> None:
    grouped = Grouped(batch=4, keys=700, masked=True)
    module = grouped.module()
    data = draw_inputs(module, np.random.default_rng(3))
    lengths = np.array([1, 0, 699, 130])
    data["x3"] = (np.arange(700) < lengths[:, None])[:, None, None, None]
    want = compare(module, data, taking(STANDARD), "host")[0][1]
    for cache in ("x1", "x2"):
        for row, length in zip(data[cache], lengths, strict=True):
            row[:, :, length:] = np.nan
    got = compare(module, data, taking(STANDARD), device)[0][0]
    assert not got[1].any()
    near(Shape(depth=64), got, want, 5.0)


def proposed(shape: Shape) -> list[Candidate]:
    found: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        found.extend(families()[NAME].propose(request))
        return candidates(request)[0]

    precision_to_launch(module_of(shape), TARGET, choose)
    return found


@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        (Shape(queries=64, keys=64), True),
        (Shape(queries=65, keys=64), False),
        (Shape(queries=1, depth=13, width=8), False),
        (Shape(queries=1, depth=16, width=12), False),
    ],
)
def test_it_takes_few_queries_whose_keys_are_whole_vectors(shape: Shape, taken: bool) -> None:
    assert bool(proposed(shape)) is taken


def test_many_keys_are_shared_by_a_cluster() -> None:
    few, many = (
        proposed(Shape(batch=1, heads=8, queries=1, keys=n, depth=64, width=64))[0] for n in (16, 4096)
    )
    assert many.config["splits"] > few.config["splits"] == 1


def test_all_that_is_proposed_is_legal() -> None:
    shape = Shape(queries=9, keys=500, depth=64, width=64)
    made = [FewQueriesConfig(**candidate.config) for candidate in proposed(shape)]  # type: ignore[arg-type]
    assert len(made) == len(set(made)) > 10
    assert {config.rows for config in made} == {1, 2, 4, 8}
