"""Products with packed weights: what the family takes, and its kernels against the interpreter and numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from glassrt.codegen.families.packed.config import PackedConfig
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.graph.block_format import BlockFormat

from ...one_kernel import compare
from .packed_cases import drawn, normalised_module, product_module

NAME = "contraction_packed"


def configured(config: PackedConfig) -> Callable[[Request], Candidate]:
    def choose(request: Request) -> Candidate:
        found = [own for own in candidates(request) if own.family == NAME]
        assert found and set(found[0].config) == set(asdict(config))
        return Candidate(NAME, asdict(config), 1.0)

    return choose


DEVICES = pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])


def check(form: BlockFormat, shape: tuple[int, int, int], config: PackedConfig, device: str) -> None:
    m, n, k = shape
    rng = np.random.default_rng(0)
    words, weights = drawn(form, n, k, rng)
    a, other = (rng.standard_normal(size).astype(np.float16) for size in ((m, k), (m, n)))
    given = {"x0": a, "x1": words, "x2": other}
    ((got, want),) = compare(product_module(form, m, n, k), given, configured(config), device)
    exact = a.astype(np.float64) @ weights.T + other
    scale = np.abs(a.astype(np.float64)) @ np.abs(weights.T)
    for each in (got, want):
        assert (np.abs(each - exact) <= 2.0**-10 * np.abs(exact) + 2.0**-20 * scale).all()


CASES = [
    (BlockFormat(4, 32, 16, False), (1, 70, 1000), PackedConfig(8, 2, 4, stages=2)),
    (BlockFormat(4, 16, 32, True), (3, 33, 520), PackedConfig(8, 1, 4)),
    (BlockFormat(4, 256, 16, True), (16, 130, 2056), PackedConfig(16, 4, 4, 2, 1)),
    (BlockFormat(8, 64, 16, False), (7, 64, 512), PackedConfig(8, 1, 4, 2)),
    (BlockFormat(8, 16, 32, True), (9, 40, 264), PackedConfig(16, 2, 4, stages=1)),
    (BlockFormat(4, 32, 16, False), (2, 64, 2248), PackedConfig(8, 2, 4, stages=2, records=2)),
]


@DEVICES
@pytest.mark.parametrize(("form", "shape", "config"), CASES, ids=lambda case: str(case))
def test_products_are_those_of_the_weights(
    form: BlockFormat, shape: tuple[int, int, int], config: PackedConfig, device: str
) -> None:
    check(form, shape, config, device)


@DEVICES
@pytest.mark.parametrize(
    ("form", "shape", "config"),
    [
        (BlockFormat(4, 32, 16, False), (1, 144, 1024), PackedConfig(8, 4, 4, stages=2, turns=3, records=2)),
        (BlockFormat(8, 64, 16, True), (11, 48, 768), PackedConfig(16, 2, 4, splits=2)),
    ],
    ids=["turns", "cluster"],
)
def test_blocks_compute_rows_and_have_both_halves(
    form: BlockFormat, shape: tuple[int, int, int], config: PackedConfig, device: str
) -> None:
    m, n, k = shape
    rng = np.random.default_rng(1)
    words, _ = drawn(form, 2 * n, k, rng)
    x, scale = (rng.standard_normal(size).astype(np.float16) for size in ((m, k), (k,)))
    given = {"x0": x, "x1": scale, "x2": words}
    ((got, want),) = compare(normalised_module(form, m, n, k), given, configured(config), device)
    wide = want.astype(np.float64)
    assert np.abs(got.astype(np.float64) - wide).max() <= 2.0**-8 * np.abs(wide).max()


def test_it_unpacks() -> None:
    assert families()[NAME].unpacks and not families()[NAME].groupable
