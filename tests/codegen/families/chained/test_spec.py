"""The specs of chained contractions: what their template is told."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.families.chained.config import ChainedConfig
from glassrt.codegen.families.chained.spec import launch
from glassrt.codegen.families.registry import families
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import I8

from .chains import NAME, Case, module_of, request_of


def spec(case: Case, config: ChainedConfig) -> Any:
    return families()[NAME].realize(request_of(module_of(case)), vars(config)).spec


def test_parts() -> None:
    made = spec(Case(200, 136, 128, 200), ChainedConfig(2, 128, 3, 2, 2))
    assert (made.chunks, made.kept, made.early, made.m_is_known) == (2, True, False, True)
    assert made.a.panels == 3 and made.first.steps == 9 and made.second.steps == 4
    assert (made.first.n, made.first.block_n, made.first.chunks) == (128, 64, 1)
    assert (made.second.n, made.second.block_n) == (200, 256)
    assert made.second.epilogue.n_checked and not made.first.epilogue.n_checked
    assert made.first.results.residual is not None and made.second.results.residual is None
    assert made.slot_bytes == made.first.b.bytes + made.second.b.bytes


def test_operands_of_columns_lie_in_shared_memory() -> None:
    made = spec(Case(200, 64, 256, 64, I8), ChainedConfig(2, 128, 3, 3, 2))
    columns = [part.results.columns for part in made.parts]
    assert 0 < columns[0] < columns[1] < made.barriers_at
    plain = spec(Case(200, 64, 128, 64, bias=False), ChainedConfig(2, 128, 3, 3, 2))
    assert [part.results.columns for part in plain.parts] == [0, 0]


def test_no_more_blocks_than_tiles() -> None:
    config = ChainedConfig(3, 128, 4, 3, 2)
    assert launch(400, config, 1000, 132).grid == (3, 1, 1)
    assert launch(10**6, config, 1000, 132).grid == (132, 1, 1)
    assert launch(symbol("M"), config, 1000, 132).grid == (132, 1, 1)
    assert launch(400, config, 1000, 132).block == (512, 1, 1)
