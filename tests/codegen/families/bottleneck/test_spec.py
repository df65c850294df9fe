"""The specs of bottlenecks: what their template is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.codegen.families.bottleneck.spec import launch
from glassrt.codegen.families.registry import families

from ..chained.chains import request_of
from .blocks import NAME, Case
from .test_config import CONFIG, EXTENTS


def spec(case: Case, config: BottleneckConfig) -> Any:
    return families()[NAME].realize(request_of(case.module()), asdict(config)).spec


def test_parts() -> None:
    made = spec(Case((2, 9, 11), 16, 128, 192, 40), BottleneckConfig(2, 64, 2, 2, 1))
    assert (made.head.n, made.head.turned, made.chunks, made.a.panels) == (128, True, 6, 2)
    assert (made.first.n, made.first.block_n, made.first.steps) == (192, 32, 8)
    assert made.second is not None and made.second.epilogue.n_checked
    assert made.slot_bytes == made.first.b.bytes + made.second.b.bytes
    columns = [part.results.columns for part in made.parts]
    assert made.head.weights_at < made.weights_at < made.buffers_at < columns[0] < columns[1] < columns[2]
    assert columns[2] < made.barriers_at


def test_without_the_last_product() -> None:
    made = spec(Case((2, 9, 11), 64, 64, 128), CONFIG)
    assert made.second is None and len(made.parts) == 2 and made.slot_bytes == made.first.b.bytes


def test_no_more_blocks_than_tiles() -> None:
    assert launch(EXTENTS, CONFIG, 132).grid == (132, 1, 1)
    assert launch(EXTENTS, CONFIG, 10**6).grid == (128 * 49, 1, 1)
    assert launch(EXTENTS, CONFIG, 132).block == (384, 1, 1)
