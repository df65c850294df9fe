"""The shared memory of a block that multiplies few rows by weights which bulk copies bring."""

from __future__ import annotations

from dataclasses import dataclass

BARRIER_BYTES = 8
WORD_BYTES = 8  # of what a warp finds of a row


@dataclass(frozen=True)
class SharedLayout:
    """Where a block of `warps` warps has what, from the start of its shared memory on.

    First lie the steps that bulk copies bring, `stages` of `stage_bytes` for each warp. Their place is taken
    by `staged_bytes` of accumulators, unless there are steps of the next tile (`in_turns`). Then come rows
    that the block keeps, `row_bytes` of each of `lines` rows, and what its warps find of them where it
    computes them (`computed`); last the barriers of the copies.
    """

    warps: int
    stages: int
    stage_bytes: int
    staged_bytes: int
    in_turns: bool = False
    lines: int = 0
    row_bytes: int = 0
    computed: bool = False

    @property
    def copied_bytes(self) -> int:
        """Of the steps that bulk copies bring to all warps."""
        return self.warps * self.stages * self.stage_bytes

    @property
    def sums_at(self) -> int:
        """Where accumulators are staged: behind the steps of the next tile, if there is one."""
        return self.copied_bytes if self.in_turns else 0

    @property
    def lines_at(self) -> int:
        """Where the rows that the block keeps begin."""
        return max(self.copied_bytes, self.sums_at + self.staged_bytes)

    @property
    def found_at(self) -> int:
        """Where warps exchange what they find of a row: behind all rows."""
        return self.lines_at + self.lines * self.row_bytes

    @property
    def barriers_at(self) -> int:
        """Where the barriers of bulk copies lie."""
        return self.found_at + (self.warps * WORD_BYTES if self.computed else 0)

    @property
    def kept_bytes(self) -> int:
        """Of rows that the block keeps, and of what its warps find of them."""
        return self.barriers_at - self.lines_at

    @property
    def bytes(self) -> int:
        """All of it, but for the sums that blocks of a cluster send."""
        return self.barriers_at + self.warps * self.stages * BARRIER_BYTES
