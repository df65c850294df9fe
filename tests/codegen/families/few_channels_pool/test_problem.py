"""Pools that kernels take, and the cells of their windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.families.few_channels_pool.problem import (
    PoolSide,
    pooled_contraction,
    pooled_image_of,
    unfit,
)
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.pool import AvgPool, MaxPool

from ..few_channels.layers import STEM as ALONE
from ..few_channels.layers import request as alone
from .layers import LAYERS, STEM, pooled, request


@pytest.mark.parametrize("taps", [2, 3])
@pytest.mark.parametrize("pad", [0, 1, 2])
def test_cells_of_a_unit_are_those_of_its_window(taps: int, pad: int) -> None:
    """Cells 2u and 2u + 1, and of windows of three the one before these, are the outputs that it reads."""
    if pad >= taps:
        return
    side = PoolSide(9, taps, pad)
    for maximum in range(side.out if isinstance(side.out, int) else 0):
        unit = maximum + side.lead
        cells = range(2 * unit - int(side.reaches_back), 2 * unit + 2)
        window = range(2 * maximum - pad, 2 * maximum - pad + taps)
        assert [cell - side.shift for cell in cells] == list(window)


def test_cells_may_be_no_outputs() -> None:
    found = pooled(STEM)
    assert not any(
        side.leaves(own)
        for side, own in zip(found.sides, (found.image.height, found.image.width), strict=True)
    )
    ragged = pooled(LAYERS["unpadded"])
    assert ragged.width.leaves(ragged.image.width) and ragged.height.shift == 1


def pool(**attributes: Any) -> MaxPool:
    (x,) = Block([TensorType((1, 8, 20, 20), F32)]).arguments
    return MaxPool(x, **{"kernel": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1), **attributes})


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"strides": (1, 1)}, "two outputs apart"),
        ({"strides": (2, 3)}, "two outputs apart"),
        ({"dilations": (2, 1)}, "two outputs apart"),
        ({"kernel": (3, 4)}, "neither two nor three"),
        ({"pads": (-1, 0, 0, 0)}, "first ones crop"),
        ({"pads": (0, 0, 0, 3)}, "all padding"),  # of which nothing may be computed
    ],
)
def test_other_pools_are_refused(attributes: dict[str, Any], reason: str) -> None:
    assert reason in str(unfit(pool(**attributes)))


def test_these_are_taken() -> None:
    assert unfit(pool()) is None
    assert unfit(pool(kernel=(2, 3), pads=(0, 2, 1, 0), ceil_mode=True)) is None
    (x,) = Block([TensorType((1, 8, 20, 20), F32)]).arguments
    assert unfit(AvgPool(x, kernel=(2, 2), strides=(2, 2))) is not None


def test_a_convolution_alone_has_no_pool() -> None:
    assert pooled_contraction(alone(ALONE)) is None
    assert isinstance(pooled_image_of(alone(ALONE)), str)


def test_why_an_image_is_refused() -> None:
    assert "more than 8 channels" in str(pooled_image_of(request(replace(STEM, x=(1, 9, 40, 40)))))
