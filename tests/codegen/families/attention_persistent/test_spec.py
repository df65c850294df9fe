"""Specs of persistent attention: blocks, their registers, and how results are stored."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from glassrt.codegen.families.attention.spec import AttentionSpec
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig
from glassrt.codegen.families.attention_persistent.spec import PersistentAttentionSpec, launch
from glassrt.codegen.families.registry import families
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32

from ...attention_cases import Shape
from ...contraction_cases import TARGET
from ..attention.checked import SYMBOLS
from .checked import NAME, problem_of, request_of

CONFIG = PersistentAttentionConfig(2, 64, 2, 2)
SHAPE = Shape(batch=4, heads=12, queries=300, keys=300, depth=80, width=40)


def specs(shape: Shape, symbols: Any = None) -> tuple[AttentionSpec, PersistentAttentionSpec]:
    spec = families()[NAME].realize(request_of(shape, symbols), asdict(CONFIG)).spec
    assert isinstance(spec, AttentionSpec) and isinstance(spec.product, PersistentAttentionSpec)
    return spec, spec.product


def test_features_are_padded_to_products() -> None:
    spec, product = specs(SHAPE)
    assert (spec.q.padded, spec.v.padded, product.matrices[0].panels) == (80, 48, 2)
    assert (product.batches, product.consumers, product.threads) == ("48", 256, 384)
    assert specs(replace(SHAPE, depth=16))[0].q.padded == 32  # scores come of two wgmma at least


@pytest.mark.parametrize(("out", "width", "wide"), [(None, 40, True), (F32, 40, False), (None, 36, False)])
def test_results_of_a_16_bit_type_are_stored_in_vectors(out: Any, width: int, wide: bool) -> None:
    if width % 8:
        assert not families()[NAME].propose(request_of(replace(SHAPE, width=width)))
        return
    assert specs(replace(SHAPE, out=out, width=width))[1].stores_vectors == wide


@pytest.mark.parametrize(
    ("change", "lags"),
    [
        ({}, True),
        ({"keys": 64}, False),
        ({"mask": (4, 1, 300, 300)}, True),
        ({"attributes": {"causal": True}}, True),
        ({"width": 256}, True),
        ({"width": 256, "attributes": {"causal": True}}, False),
        ({"width": 256, "mask": (4, 1, 300, 300)}, False),  # accumulators leave them no registers
    ],
)
def test_references_lag_where_there_are_several_tiles(change: dict[str, Any], lags: bool) -> None:
    assert specs(replace(SHAPE, **change))[1].lags == lags


def test_blocks_stay_while_there_are_queries() -> None:
    def blocks(shape: Shape, groups: int, symbols: Any = None) -> object:
        config = replace(CONFIG, groups=groups)
        return launch(problem_of(shape, symbols), config, TARGET.multiprocessors).grid[0]

    assert blocks(SHAPE, 2) == TARGET.multiprocessors  # 144 tiles
    assert blocks(replace(SHAPE, batch=2), 2) == 72
    assert blocks(SHAPE, 1) == 240
    n, s, t = symbol("N"), symbol("S"), symbol("T")
    assert blocks(Shape(batch=n, queries=s, keys=t), 1, SYMBOLS) == 2 * TARGET.multiprocessors
