"""The specs of inverted residuals: what their template is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.inverted_residual.extents import InvertedConfig
from glassrt.codegen.families.inverted_residual.spec import launch
from glassrt.codegen.families.registry import families
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.module import SymbolRange

from ...contraction_cases import TARGET
from .blocks import NAME, Case, block_of, module_of, request_of

CONFIG = InvertedConfig(8, 8, 48, 128, 4, 4, 1)


def spec(case: Case, config: InvertedConfig) -> Any:
    return families()[NAME].realize(request_of(module_of(case)), vars(config)).spec


def test_parts() -> None:
    made = spec(Case(2, 24, 144, 40, (13, 16)), CONFIG)
    assert made.expansion.vector == 2 and made.depthwise.vector == 2 and made.projection.vector == 4
    assert (made.height.tiles, made.height.ragged, made.width.tiles, made.width.ragged) == (2, True, 2, False)
    assert (made.strip_lines, made.strip_columns, made.taps, made.unit) == (6, 6, 9, 8)
    assert not made.channels_checked and made.columns_checked
    assert spec(Case(2, 24, 136, 64), CONFIG).channels_checked


@pytest.mark.parametrize(("images", "blocks"), [(1, 4), (4000, None)])
def test_blocks(images: int, blocks: int | None) -> None:
    found = block_of(request_of(module_of(Case(images, 24, 144, 40, (13, 16)))))
    assert not isinstance(found, str)
    geometry = launch(found, CONFIG, TARGET)
    assert geometry.grid[0] == blocks or geometry.grid[0] % TARGET.multiprocessors == 0
    split = launch(found, replace(CONFIG, splits=3), TARGET)
    assert split.grid[0] == 4 * images * 3 and split.cluster == (3, 1, 1)


def test_images_that_are_counted_at_run_time() -> None:
    module = module_of(Case(symbol("N"), 24, 144, 40, (13, 16)), {"N": SymbolRange(1, 8, 8)})
    made = families()[NAME].realize(request_of(module), vars(CONFIG)).spec
    assert not str(made.images).isdigit()
