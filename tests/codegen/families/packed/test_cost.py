"""The cost model of products with packed weights."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.packed.family import PackedFamily
from glassrt.dialects.graph.block_format import BlockFormat

from .packed_cases import request_of

FORM = BlockFormat(4, 32, 16, False)


def best(m: int, n: int, k: int, form: BlockFormat = FORM) -> float:
    return PackedFamily().candidates(request_of(form, m, n, k))[0].microseconds


def test_weights_make_the_time() -> None:
    moved = 128256 * 2048 * 0.5625 / REFERENCE.bytes_per_second * 1e6
    assert moved < best(1, 128256, 2048) < 1.5 * moved
    assert best(1, 2048, 2048) < best(1, 4096, 4096) < best(1, 8192, 8192)


def test_more_bits_take_longer() -> None:
    assert best(1, 8192, 8192) < best(1, 8192, 8192, BlockFormat(8, 32, 16, False))
    assert best(1, 128256, 2048, BlockFormat(4, 128, 16, False)) < best(1, 128256, 2048)
