"""The spec of kernels, their launch, and the text that is emitted."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels_pool.config import PoolConfig
from glassrt.codegen.families.few_channels_pool.spec import FewChannelsPoolSpec, launch
from glassrt.codegen.families.registry import families
from glassrt.codegen.text.render import render
from glassrt.dialects.core.affine import symbol

from ...contraction_cases import TARGET
from .layers import LAYERS, STEM, Layer, pooled, request

WGMMA, MMA = (families()[name] for name in ("few_channels_wgmma_pool", "few_channels_mma_pool"))
CONFIG = PoolConfig(14, 5, 64, 1, 3)


def spec(layer: Layer, config: PoolConfig = CONFIG) -> FewChannelsPoolSpec:
    found = WGMMA.realize(request(layer), asdict(config)).spec
    assert isinstance(found, FewChannelsPoolSpec)
    return found


def test_a_thread_has_neighbouring_channels_of_two_lines() -> None:
    found = spec(STEM)
    assert (found.values, found.conv.vector, found.vectors) == (16, 8, 2)
    assert found.carried_vector == 4 and found.keeps_along
    narrow = spec(LAYERS["near"], replace(CONFIG, block_n=8, bands=2))
    assert (narrow.values, narrow.conv.vector, narrow.carried_vector) == (2, 2, 2)


def test_a_side_says_what_is_checked() -> None:
    found = spec(replace(STEM, x=(2, 3, 224, 223)))
    assert not found.height.checked and not found.width.checked
    assert spec(replace(STEM, x=(2, 3, 222, 224))).height.checked
    assert spec(replace(STEM, pool_pads=(0, 1, 0, 1))).height.lead == 1


def test_blocks_stay_where_there_are_more_runs_than_room() -> None:
    assert launch(pooled(STEM), CONFIG, TARGET).grid == (2 * 3, 1, 1)
    many = replace(STEM, x=(512, 3, 224, 224), count=100)
    assert launch(pooled(many), CONFIG, TARGET).grid == (198, 2, 1)
    unknown = replace(STEM, x=(symbol("B"), 3, 224, 224))
    assert launch(pooled(unknown), CONFIG, TARGET).grid == (396, 1, 1)


EMITTED = {
    "stem": (WGMMA, PoolConfig(3, 3, 64, 1, 2)),
    "bytes": (WGMMA, PoolConfig(2, 2, 64, 1, 2)),
    "pairs": (MMA, PoolConfig(1, 2, 16, 1, 2)),
    "unpadded": (MMA, PoolConfig(2, 1, 32, 2, 1)),
}


@pytest.mark.parametrize("name", EMITTED)
def test_emitted_text(name: str, golden: Any) -> None:
    family, config = EMITTED[name]
    code = family.realize(request(LAYERS[name]), asdict(config))
    assert render(code.template, code.spec) == golden.at(f"{name}.cu")
