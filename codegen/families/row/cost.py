"""How the rows of a kernel are shared out to blocks and threads, and how long that should take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....dialects.core.affine import evaluate
from ...arch.spec import ArchSpec
from ...request.request import Request
from .problem import RowProblem

THREADS = 256
MOST_WORKERS = 512
MOST_SPLITS = 1024
LEAST_STEPS = 4  # elements a thread of a split row: fewer and the threads wait for each other

# Microseconds. A load takes some 0.6 to come back and a thread has about four under way; joining the
# parts is a round trip to the counter and one to the workspace, and the counter takes blocks in turns.
LAUNCH = 3.0
STEP = 0.15
JOIN = 2.0
ARRIVAL = 0.001


@dataclass(frozen=True)
class Shares:
    """`rows` a block, `workers` threads of it a row, `splits` blocks a row."""

    rows: int
    workers: int
    splits: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows * self.workers


def whole_shares(problem: RowProblem, request: Request, across: bool) -> Shares:
    """Every row to one block."""
    length = max(problem.lengths)
    if across:
        workers = 8 if length <= 128 else 16
        return Shares(max(1, THREADS // workers), workers)
    workers = 32
    while workers < MOST_WORKERS and length >= workers * 8:
        workers *= 2
    return Shares(max(1, max(workers, 128 if workers > 32 else 64) // workers), workers)


def split_shares(problem: RowProblem, request: Request, across: bool) -> Iterator[Shares]:
    """Every row to several blocks, where that is legal and the GPU has room for more of them."""
    if not problem.divisible:
        return
    rows = evaluate(problem.rows.size, request.optimum)
    in_block = 1
    while across and in_block < min(rows, 32):
        in_block *= 2
    workers = THREADS // in_block
    blocks = -(-rows // in_block)
    splits = 2
    while splits <= MOST_SPLITS and min(problem.lengths) >= LEAST_STEPS * workers * splits:
        if blocks * splits * THREADS <= _room(request.target):
            yield Shares(in_block, workers, splits)
        splits *= 2


def microseconds(problem: RowProblem, request: Request, shares: Shares) -> float:
    """Expected time at the optimal sizes: what memory needs, or what the threads that have work need
    when those are too few to keep it busy."""
    rows = evaluate(problem.rows.size, request.optimum)
    moved = sum(evaluate(type.bytes, request.optimum) for type in (*request.reads, *request.writes))
    elements = rows * (sum(problem.lengths) + evaluate(problem.columns.size, request.optimum))
    busy = min(max(rows, 1) * shares.workers * shares.splits, _room(request.target))
    working = max(moved / request.target.bytes_per_second * 1e6, elements / busy * STEP)
    joining = JOIN + ARRIVAL * shares.splits if shares.splits > 1 else 0.0
    return LAUNCH + working + joining


def better_shared(rows: float, length: float, target: ArchSpec) -> bool:
    """Whether ROWS of LENGTH elements are reduced so much faster by several blocks each that it pays
    for a launch and a pass over the elements more."""
    room = _room(target)
    alone = rows * length / max(1.0, min(rows * MOST_WORKERS, room)) * STEP
    shared = rows * length / room * STEP + JOIN
    return alone > shared + 2 * LAUNCH


def _room(target: ArchSpec) -> int:
    return target.multiprocessors * target.limits.threads_per_multiprocessor
