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
MOST_VECTORS = 4  # of a thread; more keep too few threads busy
MOST_HELD = 32  # elements of an operand that a thread keeps
WARP = 32
MOST_SPLITS = 1024  # blocks of a row; bounds the partial results that its last block combines


@dataclass(frozen=True)
class Shares:
    """A division of rows: `rows` per block, `workers` threads per row in a block, `splits` blocks per row.

    With several `lanes` a row of a block is a vector of as many adjacent ones; with a `vector` a thread takes
    as many adjacent elements of its row at a time.
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


def vector_shares(problem: RowProblem, request: Request, vector: int) -> Iterator[Shares]:
    """The divisions in which threads take VECTOR elements at a time, and one to MOST_VECTORS of those, or to
    as many as they keep.

    Blocks have several rows unless multiprocessors would then have none.
    """
    vectors = max(problem.lengths) // vector
    rows = evaluate(problem.rows.size, request.optimum) // request.target.multiprocessors
    workers, most = 32, MOST_HELD // vector if problem.along_columns else MOST_VECTORS
    while workers * most < vectors and workers < MOST_WORKERS:
        workers *= 2
    while True:
        in_block = LEAST_OF_WARPS // workers
        while in_block > max(1, rows):
            in_block //= 2
        yield Shares(max(1, in_block), workers, vector=vector)
        if workers >= min(vectors, MOST_WORKERS):
            return
        workers *= 2


def split_shares(problem: RowProblem, request: Request, across: bool, vector: int) -> Iterator[Shares]:
    """The divisions in which several blocks share a row, where that is legal and the GPU has room.

    Threads take VECTOR elements at a time where each has some.
    """
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
            wide = min(problem.lengths) >= workers * splits * vector
            yield Shares(in_block, workers, splits, vector=vector if wide else 1)
        splits *= 2


def microseconds(problem: RowProblem, request: Request, shares: Shares) -> float:
    """Expected microseconds at the optimal sizes.

    Bound by memory bandwidth, or by load latency when too few threads are resident to saturate it.
    """
    fit = request.target.fitted.row
    read = evaluate(problem.rows.size, request.optimum) * max(
        problem.lengths
    )  # of a table, the rows looked up
    moved = sum(min(evaluate(type.bytes, request.optimum), read * type.dtype.bytes) for type in request.reads)
    moved += sum(evaluate(type.bytes, request.optimum) for type in request.writes)
    memory = moved / request.target.bytes_per_second * 1e6
    if holds(problem, shares):
        return fit.launch + max(memory, _keeping(problem, request, shares))
    rows = -(-evaluate(problem.rows.size, request.optimum) // shares.lanes)
    elements = rows * (sum(problem.lengths) + evaluate(problem.columns.size, request.optimum))
    each = fit.element if shares.vector == 1 else fit.vector / shares.vector
    busy = min(max(rows, 1) * shares.workers * shares.splits, _room(request.target))
    working = max(memory, elements / busy * each)
    joining = fit.join + fit.arrival * shares.splits if shares.splits > 1 else 0.0
    return fit.launch + working + joining


def _keeping(problem: RowProblem, request: Request, shares: Shares) -> float:
    """Microseconds of threads that keep their elements: loads of all vectors overlap, and warps meet."""
    fit, rows = request.target.fitted.row, evaluate(problem.rows.size, request.optimum)
    waves = -(-rows * shares.workers // _room(request.target))
    trips = -(-max(problem.lengths) // (shares.vector * shares.workers))
    meeting = fit.meet * len(problem.shared) if shares.workers > WARP else 0.0
    return waves * (fit.vector + fit.kept * trips + meeting)


def holds(problem: RowProblem, shares: Shares) -> bool:
    """Whether each thread keeps its elements of a row in the division SHARES."""
    length = problem.columns.size
    if shares.vector == 1 or shares.splits > 1 or not problem.along_columns or not isinstance(length, int):
        return False
    return -(-length // (shares.vector * shares.workers)) * shares.vector <= MOST_HELD


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
