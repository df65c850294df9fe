"""The specs of convolutions over patches: what their template is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from glassrt.codegen.families.patched.config import PatchConfig
from glassrt.codegen.families.patched.spec import launch
from glassrt.codegen.families.registry import families
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import I8

from .convolutions import NAME, Case, convolution_of, request_of
from .test_config import CONFIG, EXTENTS


def spec(case: Case, config: PatchConfig) -> Any:
    return families()[NAME].realize(request_of(case), asdict(config)).spec


def test_parts() -> None:
    made = spec(Case((2, 72, 9, 11), 80, residual=True), PatchConfig(2, 1, 2, 32, 2, 3, 1))
    assert (made.parts, made.chunks, made.epilogue.n_checked, made.turned) == (3, 1, True, True)
    assert (made.a.lines, made.a.pitch, made.a.panel, made.steps_of_last) == (2, 18, 180 * 128, 1)
    assert (made.b.tiles, made.b.bytes, made.b.own) == (18, 4096, 4096)
    assert (str(made.down), str(made.across), str(made.tiles)) == ("2", "1", "4")
    assert made.results.residual is not None


def test_operands_of_columns_lie_in_shared_memory() -> None:
    made = spec(Case((2, 64, 9, 11), 64, I8), PatchConfig(3, 1, 1, 64, 3, 2))
    assert made.buffers_at < made.results.columns < made.barriers_at
    assert made.b.interleave and not made.b.taps


def test_no_more_blocks_than_tiles() -> None:
    _, convolution = convolution_of(request_of(Case((symbol("N"), 64, 9, 9), 64)))
    assert not isinstance(convolution, str)
    assert launch(convolution.extents, CONFIG, 132).grid == (132, 1, 1)
    assert launch(EXTENTS, CONFIG, 132).grid == (132, 1, 1)
    _, small = convolution_of(request_of(Case((3, 64, 9, 9), 64)))
    assert not isinstance(small, str)
    assert launch(small.extents, CONFIG, 132).grid == (6, 1, 1)
