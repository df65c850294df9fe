"""The spec of kernels, their launch, and the text that is emitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels.config import FewChannelsConfig
from glassrt.codegen.families.few_channels.spec import FewChannelsSpec, launch
from glassrt.codegen.families.registry import families
from glassrt.codegen.text.render import render
from glassrt.dialects.core.affine import symbol

from ...contraction_cases import TARGET
from .layers import BYTES, LAYERS, STEM, image, request

WGMMA, MMA = (families()[name] for name in ("few_channels_wgmma", "few_channels_mma"))
CONFIG = {"tiles": 14, "block_n": 64, "groups": 2, "resident": 2}


def spec(layer: Any, **config: int) -> FewChannelsSpec:
    found = WGMMA.realize(request(layer), {**CONFIG, **config}).spec
    assert isinstance(found, FewChannelsSpec)
    return found


def test_an_odd_window_is_told() -> None:
    odd = replace(STEM, window=(3, 5), pads=(1, 2, 1, 2))
    assert spec(odd, tiles=1, groups=1).odd and not spec(STEM).odd


def test_rows_alternate_where_they_would_meet_in_the_same_banks() -> None:
    assert spec(STEM).alternates and spec(replace(STEM, out="f32")).alternates
    assert not spec(replace(STEM, count=40)).alternates and not spec(replace(STEM, count=32)).alternates


def test_floats_may_spoil_products_with_zero_and_integers_do_not() -> None:
    assert spec(STEM).careful and not spec(BYTES, tiles=2).careful


def test_blocks_stay_where_there_are_more_runs_than_room() -> None:
    config = FewChannelsConfig(14, 64, 2, 2)
    assert launch(image(STEM), config, TARGET).grid == (28, 1, 1)
    many = replace(STEM, x=(128, 3, 224, 224), count=100)
    assert launch(image(many), config, TARGET).grid == (132, 2, 1)
    unknown = replace(STEM, x=(symbol("B"), 3, 224, 224))
    assert launch(image(unknown), config, TARGET).grid == (264, 1, 1)


EMITTED = {
    "stem": (WGMMA, (2, 64, 2, 2)),
    "odd": (WGMMA, (1, 8, 1, 2)),
    "bytes": (WGMMA, (4, 64, 2, 2)),
    "residual": (MMA, (3, 64, 1, 2)),
    "quantized": (WGMMA, (2, 64, 2, 2)),
}


@pytest.mark.parametrize("name", EMITTED)
def test_emitted_text(name: str, golden: Any) -> None:
    family, config = EMITTED[name]
    code = family.realize(request(LAYERS[name]), dict(zip(CONFIG, config, strict=True)))
    assert render(code.template, code.spec) == golden.at(f"{name}.cu")
