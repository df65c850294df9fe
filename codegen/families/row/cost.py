"""How rows are divided among blocks and threads, and the expected time of each division."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....dialects.core.affine_traversal import evaluate
from ...arch.spec import ArchSpec
from ...request.request import Request
from .problem import RowProblem

# Forms of a kernel's blocks, which every target runs: threads, the most that share a row, and the least where
# one warp has a row and where several have. What decides between them on a target is in `RowFit`.
THREADS = 256
MOST_WORKERS = 512
LEAST_THREADS, LEAST_OF_WARPS = 64, 128
WARP = 32
MOST_VECTOR, MOST_VECTOR_BYTES = 8, 16  # of a thread that keeps its elements of a row
MOST_HELD = 32  # elements of each operand that such a thread keeps
MOST_SPLITS = 1024  # blocks of a row; bounds the partial results that its last block combines


@dataclass(frozen=True)
class Shares:
    """A division of rows: `rows` per block, `workers` threads per row in a block, `splits` blocks per row.

    With several `lanes` a row of a block is a vector of as many adjacent ones. With a `vector` a thread keeps
    its elements of the row, so many adjacent ones at a time.
    """

    rows: int
    workers: int
    splits: int = 1
    lanes: int = 1
    vector: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows * self.workers


def whole_shares(problem: RowProblem, request: Request, across: bool) -> Shares:
    """The division in which one block has the whole row; ACROSS: adjacent threads are on different rows."""
    length, fit = max(problem.lengths), request.target.fitted.row
    if across:
        workers = 8 if length <= 8 * fit.across_elements else 16
        return Shares(max(1, THREADS // workers), workers)
    workers = 32
    while workers < MOST_WORKERS and length >= workers * fit.thread_elements:
        workers *= 2
    threads = max(workers, LEAST_OF_WARPS if workers > 32 else LEAST_THREADS)
    return Shares(threads // workers, workers)


def held_shares(problem: RowProblem, request: Request) -> Iterator[Shares]:
    """The division in which threads keep their elements of a row, where all reductions go along its columns
    and they are few enough."""
    length, vector = problem.columns.size, MOST_VECTOR_BYTES // request.writes[0].dtype.bytes
    if not problem.along_columns or not isinstance(length, int):
        return
    vector = min(vector, MOST_VECTOR)
    while vector > 1 and (length % vector or length < vector * WARP):
        vector //= 2
    workers = WARP
    while -(-length // (vector * workers)) * vector > MOST_HELD:
        workers *= 2
    if vector == 1 or workers > MOST_WORKERS:
        return
    rows, each = evaluate(problem.rows.size, request.optimum), max(1, LEAST_OF_WARPS // workers)
    while each > 1 and rows < each * request.target.multiprocessors:
        each //= 2
    yield Shares(each, workers, vector=vector)


def split_shares(problem: RowProblem, request: Request, across: bool) -> Iterator[Shares]:
    """The divisions in which several blocks share a row, where that is legal and the GPU has room."""
    if not problem.divisible:
        return
    rows, least = evaluate(problem.rows.size, request.optimum), request.target.fitted.row.part_elements
    in_block = 1
    while across and in_block < min(rows, 32):
        in_block *= 2
    workers = THREADS // in_block
    blocks = -(-rows // in_block)
    splits = 2
    while splits <= MOST_SPLITS and min(problem.lengths) >= least * workers * splits:
        if blocks * splits * THREADS <= _room(request.target):
            yield Shares(in_block, workers, splits)
        splits *= 2


def microseconds(problem: RowProblem, request: Request, shares: Shares) -> float:
    """Expected microseconds at the optimal sizes.

    Bound by memory bandwidth, or by load latency when too few threads are resident to saturate it.
    """
    fit = request.target.fitted.row
    rows = evaluate(problem.rows.size, request.optimum)
    moved = sum(evaluate(type.bytes, request.optimum) for type in (*request.reads, *request.writes))
    rows = -(-rows // shares.lanes)
    columns = evaluate(problem.columns.size, request.optimum)
    if shares.vector > 1:  # each element is loaded once, with its neighbours
        elements = rows * columns // shares.vector
    else:
        elements = rows * (sum(problem.lengths) + columns)
    busy = min(max(rows, 1) * shares.workers * shares.splits, _room(request.target))
    working = max(moved / request.target.bytes_per_second * 1e6, elements / busy * fit.element)
    joining = fit.join + fit.arrival * shares.splits if shares.splits > 1 else 0.0
    return fit.launch + working + joining


def better_shared(rows: float, length: float, target: ArchSpec) -> bool:
    """Whether reducing each row with several blocks pays for one more launch and pass over the data.

    ROWS rows of LENGTH elements each are reduced on TARGET.
    """
    room, fit = _room(target), target.fitted.row
    alone = rows * length / max(1.0, min(rows * MOST_WORKERS, room)) * fit.element
    shared = rows * length / room * fit.element + fit.join
    return alone > shared + 2 * fit.launch


def _room(target: ArchSpec) -> int:
    return target.multiprocessors * target.limits.threads_per_multiprocessor
