"""The windows of units in registers: what is loaded, what stays, and what fragments are made of."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.few_channels_pool.config import PoolConfig, pooled_patch
from glassrt.codegen.families.few_channels_pool.windows import places_of, walk_of

from .layers import LAYERS, STEM, pooled

CONFIG = PoolConfig(2, 3, 64, 1, 1)


def test_columns_of_a_unit_share_chunks() -> None:
    image = pooled(STEM).image
    patch = pooled_patch(image, CONFIG)
    assert len(places_of(image, patch, keeps=False)) == 7 * 5
    walk = walk_of(image, patch, keeps=False)
    assert len(walk.steps) == 14 and walk.step == 32 and walk.behind == 1
    assert walk.fresh == len(walk.loads) == 9


def test_bytes_have_a_copy_for_each_column() -> None:
    image = pooled(LAYERS["bytes"]).image
    patch = pooled_patch(image, CONFIG)
    assert len(places_of(image, patch, keeps=False)) == 7 * 2 * 2
    assert walk_of(image, patch, keeps=False).step == 16


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("keeps", [False, True])
def test_fragments_are_the_windows_of_every_unit(layer: str, keeps: bool) -> None:
    """Loads and moves are followed from unit to unit: words are addresses, as a thread's own row has them."""
    image = pooled(LAYERS[layer]).image
    patch = pooled_patch(image, CONFIG)
    walk = walk_of(image, patch, keeps)
    window = [0] * (4 * len(walk.loads))

    def load(number: int, unit: int) -> None:
        own = walk.loads[number]
        for index, apart in enumerate((0, *walk.patterns[own.pattern])):
            window[4 * number + index] = unit * walk.step + own.first + apart

    for number in range(len(walk.loads)):
        load(number, 2)
    for unit in (2, 1, 0):
        if unit < 2:
            for move in walk.moves:
                window[move.to] = window[move.source]
            for number in range(walk.fresh):
                load(number, unit)
        chunks = [(line, chunk) for line in range(image.lines) for chunk in range(image.line.chunks)]
        if len(chunks) % 2:
            chunks.insert(-1, chunks[0])
        for step, first in zip(walk.steps, range(0, len(chunks), 2), strict=True):
            wanted = []
            for line, chunk in chunks[first : first + 2]:
                below, plane = divmod(line * image.height.window.dilation, patch.planes)
                at = (plane * patch.plane_lines + below) * patch.pitch + chunk * 16 + unit * walk.step
                other = patch.copy_bytes if image.line.phases > 1 else image.line.step * 16
                wanted += [at, at + other]
            assert [window[matrix] for matrix in step.matrices] == wanted


def test_eight_lines_are_in_different_banks() -> None:
    for layer in LAYERS.values():
        image = pooled(layer).image
        assert pooled_patch(image, CONFIG).pitch // 16 % 2 == 1
