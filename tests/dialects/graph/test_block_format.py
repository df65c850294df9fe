"""Packed weights of few bits: where numbers lie, and that nothing is lost."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.graph.block_format import BLOCKS, COLUMNS, LANES, LINE, BlockFormat, packed_weights
from hypothesis import given, settings
from hypothesis import strategies as st

FORMATS = st.builds(
    BlockFormat, st.sampled_from((4, 8)), st.sampled_from(BLOCKS), st.sampled_from((16, 32)), st.booleans()
)


@settings(max_examples=30, deadline=None)
@given(FORMATS, st.integers(1, 40), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_what_is_packed_comes_out_again(form: BlockFormat, columns: int, depth: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 1 << form.bits, (columns, depth)).astype(np.uint8)
    blocks = columns, -(-depth // form.block)
    scale = rng.uniform(0.5, 2.0, blocks).astype(np.float16)
    offset = rng.integers(-form.middle, form.middle, blocks).astype(np.float32) if form.shifted else None
    words = form.packed(numbers, scale, offset)
    assert words.shape == form.shape(columns, depth)
    whole = numbers.astype(np.float64) - form.middle
    if offset is not None:
        whole += np.repeat(offset, form.block, 1)[:, :depth]
    want = whole * np.repeat(scale.astype(np.float64), form.block, 1)[:, :depth]
    assert np.array_equal(form.unpacked(words, columns, depth), want)


def test_a_lane_has_what_it_multiplies() -> None:
    """Word by word: the rows g and g + 8 of mma, and of k the same steps for both, in 16 bytes of each
    lane."""
    for bits, block in ((4, 16), (4, 32), (4, 128), (8, 32), (8, 64)):
        form = BlockFormat(bits, block, 16, False)
        words: dict[int, set[tuple[int, int]]] = {}
        for column in range(COLUMNS):
            for k in range(form.depth):
                tile, record, word, bit = (int(str(part)) for part in form.place(column, k))
                assert (tile, record) == (0, 0)
                words.setdefault((word * 64 + bit) // (8 * bits), set()).add((column, k))
        for number, held in words.items():  # 8 numbers of one product
            lane = number // (4 if bits == 4 else 2) % LANES
            assert {column for column, _ in held} == {lane // 4, lane // 4 + 8}
            steps = sorted({k for _, k in held})
            assert steps == list(range(steps[0], steps[0] + 4)) and len(held) == 8
            assert steps[0] // min(block, LINE) == steps[-1] // min(block, LINE)


def test_scales_are_short_where_nothing_is_lost() -> None:
    numbers = np.zeros((3, 64), np.uint8)
    short, long = np.full((3, 2), 0.5, np.float32), np.full((3, 2), 0.1, np.float32)
    assert packed_weights(numbers, short, None, 4, 32)[0] == BlockFormat(4, 32, 16, False)
    assert packed_weights(numbers, long, None, 4, 32)[0] == BlockFormat(4, 32, 32, False)
    middle = np.full((3, 2), 8, np.uint8)
    assert not packed_weights(numbers, short, middle, 4, 32)[0].shifted
    assert packed_weights(numbers, short, middle + 1, 4, 32)[0].shifted


def test_other_formats_are_refused() -> None:
    assert BlockFormat(4, 32, 16, True).fault() is None
    assert "3 bits" in str(BlockFormat(3, 32, 16, True).fault())
    assert "blocks of 48" in str(BlockFormat(4, 48, 16, True).fault())
    assert "scales of 8" in str(BlockFormat(4, 32, 8, True).fault())
