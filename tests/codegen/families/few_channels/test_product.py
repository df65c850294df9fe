"""The instructions: what each can read, and the names of its intrinsics."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.few_channels.config import FewChannelsConfig
from glassrt.codegen.families.few_channels.product import MMA, WGMMA

from .layers import BYTES, STEM, image


def test_rows_of_wgmma_lie_one_behind_another() -> None:
    assert WGMMA.reads(image(STEM).line) and MMA.reads(image(STEM).line)
    patches = image(replace(STEM, window=(4, 4), stride=4, pads=(0, 0, 0, 0))).line
    assert not WGMMA.reads(patches) and MMA.reads(patches)


def test_columns_come_in_pairs_of_eight_for_mma() -> None:
    narrow = FewChannelsConfig(1, 8, 1, 1)
    assert WGMMA.divides(narrow) and not MMA.divides(narrow)


def test_intrinsics_by_type() -> None:
    floats, integers = image(STEM).problem, image(BYTES).problem
    assert [WGMMA.header(each) for each in (floats, integers)] == ["wgmma", "wgmma_integer"]
    assert [MMA.math(each) for each in (floats, integers)] == ["mma_m16n8k16", "mma_m16n8k32"]
    assert WGMMA.math(floats) == "wgmma" and MMA.header(floats) == "glass"
