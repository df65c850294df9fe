"""What a block of an inverted residual does for a tile."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.inverted_residual.extents import InvertedConfig, InvertedExtents
from glassrt.codegen.families.inverted_residual.room import InvertedRoom
from glassrt.codegen.families.inverted_residual.work import TileWork, conflicts, work_of

from .sizes import CONFIG, EXTENTS


def work(config: InvertedConfig = CONFIG, extents: InvertedExtents = EXTENTS) -> TileWork:
    return work_of(InvertedRoom(extents, config))


def test_products_are_those_of_whole_instructions() -> None:
    expanded = 2 * 7 * 16 * 144 * 32  # a patch of 10 x 10 pixels, of 24 channels
    assert work().flops == expanded + 2 * 64 * 32 * 144
    assert work(extents=replace(EXTENTS, expands=False)).flops == 2 * 64 * 32 * 144


def test_chunks_and_strips_cost_what_they_repeat() -> None:
    assert work(replace(CONFIG, chunk=16)).instructions > work().instructions
    assert work(replace(CONFIG, rows=1, pixels=1)).instructions > work().instructions


def test_strips_that_lie_in_the_same_banks_are_read_in_turn() -> None:
    def of(chunk: int, pixels: int, stride: int = 1) -> int:
        side = replace(EXTENTS.width, stride=stride)
        config = replace(CONFIG, chunk=chunk, rows=1, pixels=pixels)
        return conflicts(InvertedRoom(replace(EXTENTS, width=side), config))

    assert of(64, 4) == 1  # a word of each channel fills the banks
    assert (of(32, 4), of(32, 4, stride=2)) == (1, 2)
    assert (of(48, 2), of(48, 4)) == (1, 2)
