"""The shared memory of a block of few rows."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.gemv.layout import SharedLayout

PLAIN = SharedLayout(warps=4, stages=2, stage_bytes=1024, staged_bytes=2048)


def test_sums_take_the_place_of_the_copies() -> None:
    assert (PLAIN.sums_at, PLAIN.lines_at, PLAIN.barriers_at) == (0, 8192, 8192)
    assert PLAIN.kept_bytes == 0 and PLAIN.bytes == 8192 + 4 * 2 * 8
    wide = replace(PLAIN, staged_bytes=9000)
    assert wide.lines_at == wide.barriers_at == 9000


def test_sums_lie_behind_the_copies_of_the_next_tile() -> None:
    turns = replace(PLAIN, in_turns=True)
    assert (turns.sums_at, turns.lines_at) == (8192, 8192 + 2048)


def test_rows_lie_behind_both_and_what_is_found_of_them_last() -> None:
    rows = replace(PLAIN, lines=3, row_bytes=256)
    assert (rows.lines_at, rows.found_at, rows.barriers_at) == (8192, 8192 + 768, 8192 + 768)
    found = replace(rows, computed=True)
    assert found.barriers_at == rows.barriers_at + 4 * 8 and found.kept_bytes == 768 + 32
