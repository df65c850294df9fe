"""Where the parts of an interaction are in shared memory."""

from __future__ import annotations

from glassrt.codegen.families.interaction.layout import InteractionConfig, layout_of
from glassrt.dialects.graph.interaction import ROWS, Interaction

from .interactions import Case


def test_lines_fill_fragments_and_blocks_begin_at_vectors() -> None:
    (op,) = Case((ROWS, *range(26)), 64, 351, joined=True).request().ops
    assert isinstance(op, Interaction)
    alone, eight = (layout_of(op, InteractionConfig(samples)) for samples in (1, 8))
    assert (alone.features, alone.lines, alone.chunks, alone.together, alone.passes) == (27, 32, 8, 4, 8)
    assert (alone.results, alone.vector, eight.vector) == (415, 1, 8)
    assert eight.shared_bytes == 704 + 8 * 32 * (72 + 40) * 2
    assert alone.sample_elements * 2 % 16 == 0 and alone.places_bytes % 16 == 0


def test_eight_lines_have_all_banks() -> None:
    for width in (16, 32, 64, 128):
        (op,) = Case((ROWS, 0, 1), width, 3).request().ops
        assert isinstance(op, Interaction)
        layout = layout_of(op, InteractionConfig(1))
        pitch = (layout.width + 8) * 2 // 16
        assert len({line * pitch % 8 for line in range(8)}) == 8
