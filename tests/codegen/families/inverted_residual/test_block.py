"""Regions of a depthwise convolution between contractions, taken apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.inverted_residual.block import InvertedResidual
from glassrt.codegen.request.signature import make_signature
from glassrt.dialects.core.dtypes import F32

from .blocks import Case, block_of, module_of, request_of

CASE = Case(2, 24, 144, 40, (13, 14), strides=(2, 1), residual=True)


def found(case: Case) -> InvertedResidual:
    block = block_of(request_of(module_of(case)))
    assert not isinstance(block, str), block
    return block


def test_parts_name_what_the_kernel_does() -> None:
    request = request_of(module_of(CASE))
    block = block_of(request)
    assert not isinstance(block, str) and len(block.parts) == 3
    names = make_signature(request).inputs
    for part in block.parts:
        assert make_signature(part.request).inputs[: len(names)] == names
    assert [len(part.request.reads) - len(names) for part in block.parts] == [0, 1, 1]
    assert block.projection.request.writes == request.writes


def test_sizes() -> None:
    extents = found(CASE).extents
    assert (extents.depth, extents.channels, extents.columns, extents.expands) == (24, 144, 40, True)
    assert (extents.height.out, extents.width.out, extents.taps) == (7, 14, 9)
    assert extents.steps == (24, 14 * 24, 13 * 14 * 24) and extents.result_bytes == 4


def test_without_an_expansion_the_input_is_convolved() -> None:
    block = found(replace(CASE, depth=144, expands=False))
    assert block.expansion is None and block.extents.depth == block.extents.channels == 144
    assert block.extents.steps == (144, 14 * 144, 13 * 14 * 144)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"depth": 20}, "no whole copies"),
        ({"channels": 140}, "no whole copies"),
        ({"columns": 42}, "no whole copies"),
        ({"dtype": F32}, "no convolution of f32"),
        ({"taps": (9, 9), "pads": (4, 4, 4, 4)}, "too many taps"),
    ],
    ids=str,
)
def test_what_it_is_not(changed: dict[str, object], reason: str) -> None:
    block = block_of(request_of(module_of(replace(CASE, **changed))))  # type: ignore[arg-type]
    assert isinstance(block, str) and reason in block
