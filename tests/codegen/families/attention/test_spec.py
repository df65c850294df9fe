"""Specs of attention kernels: where matrices begin, how features are padded, and what is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import AttentionConfig
from glassrt.codegen.families.attention.spec import AttentionSpec, MatrixSpec, padded
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BOOL, F16, F32

from ...attention_cases import Shape, module_of
from ...one_kernel import plan_of
from .checked import SYMBOLS, N, S, T

CONFIG = vars(AttentionConfig(1, 2, 32, 2))


def spec_of(shape: Shape, symbols: Any = None) -> AttentionSpec:
    found: list[Request] = []

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] != ["graph.cast"]:
            found.append(request)
        return candidates(request)[0]

    plan_of(module_of(shape, symbols), choose)
    [request] = found
    spec = families()["attention_mma"].realize(request, CONFIG).spec
    assert isinstance(spec, AttentionSpec)
    return spec


def begins(matrix: MatrixSpec, scope: Mapping[str, int]) -> int:
    return int(eval(matrix.base, {"Offset": int, **scope}))


def test_matrices_of_dense_operands() -> None:
    spec = spec_of(Shape(batch=2, heads=3, queries=20, keys=24, depth=16, width=8))
    assert [axis.name for axis in spec.batch] == ["b0", "b1"] and [a.extent for a in spec.batch] == ["2", "3"]
    memory = np.arange(2 * 3 * 20 * 16).reshape(2, 3, 20, 16)
    for entry in np.ndindex(2, 3):
        assert begins(spec.q, dict(zip(("b0", "b1"), entry, strict=True))) == memory[entry][0, 0]
    assert (spec.q.row, spec.q.column, spec.v.row, spec.y.row) == ("16", "1", "8", "8")
    assert (spec.queries, spec.key_count, spec.q.vector, spec.q.bytes) == ("20", "24", 8, 16)


def test_heads_that_lie_packed_in_one_buffer() -> None:
    spec = spec_of(Shape(batch=2, heads=3, queries=24, keys=24, heads_inside=True, packed=True))
    memory = np.arange(2 * 24 * 3 * 3 * 16).reshape(2, 24, 3, 3, 16)  # batch, position, q k v, head, feature
    for third, matrix in enumerate((spec.q, spec.k, spec.v)):
        assert matrix.name == "x0" and matrix.row == str(3 * 3 * 16)
        for batch, head in np.ndindex(2, 3):
            assert begins(matrix, {"b0": batch, "b1": head}) == memory[batch, 0, third, head, 0]
    result = np.arange(2 * 24 * 3 * 16).reshape(2, 24, 3, 16)
    assert begins(spec.y, {"b0": 1, "b1": 2}) == result[1, 0, 2, 0] and spec.y.row == "48"


@pytest.mark.parametrize(("features", "step", "wide"), [(16, 16, 16), (17, 16, 32), (1, 8, 8)])
def test_features_are_padded_to_steps(features: int, step: int, wide: int) -> None:
    assert padded(features, step) == wide


def test_odd_features() -> None:
    spec = spec_of(Shape(depth=13, width=7))
    assert (spec.q.features, spec.q.padded, spec.q.vector) == (13, 16, 1)
    assert (spec.v.features, spec.y.features, spec.y.vector) == (7, 7, 1)
    assert spec.y.staged_by is None and all(matrix.staged_by for matrix in spec.staged)


@pytest.mark.parametrize(("keys", "checked"), [(24, True), (64, False), (65, True)])
def test_tiles_that_may_reach_past_the_last_key_are_checked(keys: int, checked: bool) -> None:
    spec = spec_of(Shape(keys=keys))
    assert spec.product.block_t in (32, 64) and spec.checked == checked


def test_masks() -> None:
    assert spec_of(Shape()).mask is None
    shape = Shape(mask=(2, 1, 1, 24), mask_dtype=BOOL, attributes={"fill": -2.0})
    mask = spec_of(shape).mask
    assert mask is not None and mask.boolean and mask.shared_row and mask.vector == 2
    assert (mask.base, mask.row, mask.column, mask.fill) == ("Offset(b0) * 24", "0", "1", "-0x1p+1f")
    added = spec_of(replace(shape, mask=(20, 25), keys=25, mask_dtype=F32, attributes={})).mask
    assert added is not None and not added.boolean and not added.shared_row
    assert (added.base, added.row, added.vector) == ("0", "25", 1)
    assert spec_of(replace(shape, mask_dtype=F16)).mask.type == "f16"  # type: ignore[union-attr]


def test_symbols_are_variables_and_keys_may_be_missing() -> None:
    spec = spec_of(Shape(batch=N, queries=S, keys=T), SYMBOLS)
    assert (spec.queries, spec.key_count, spec.batch[0].extent) == ("s1", "s2", "s0")
    assert spec.checked and not spec.keyless
    assert begins(spec.q, {"b0": 2, "b1": 1, "s1": 9}) == (2 * 3 + 1) * 9 * 16
