"""Row kernels: softmax, normalisations and reductions, with elementwise ops around them.

Every result element belongs to a row. The reductions depend on the row only, and the `workers` threads of a
row compute them together. A reduction over whole axes is a row with one result element. If such rows are few
and long, `splits` blocks share each of them: every block writes its partial result to the workspace, and the
last one to finish combines them and stores the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Affine, ceildiv
from ....dialects.core.affine_traversal import symbols
from ....dialects.core.dtypes import U32, U64
from ....dialects.core.expr import LoadExpr
from ....dialects.graph.numeric import compute_dtype
from ...emit.lanes import Lanes
from ...emit.offsets import linear_offset
from ...emit.row_walk import HeldElements, RowWalk
from ...emit.rows import RowEmitter, in_groups, walk
from ...emit.sections import Section
from ...emit.shared_reductions import FUNCTORS, shared_reduction
from ...emit.stores import store
from ...request.describe import title
from ...request.parameters import ScratchParameter
from ...request.request import Candidate, Config, Geometry, KernelCode, Request
from ...request.signature import Signature, make_signature
from ...text.affine_c import dim_to_c
from ...text.render import Code, Identifier
from ..divisors import divisor, power_of_two_in
from ..kernel_family import KernelFamily, Rank
from .cost import Shares, held_shares, microseconds, split_shares, whole_shares
from .problem import RowProblem, analyse

WIDEST = 16  # bytes of a vectorized load
WORD = 8  # bytes of shared memory per thread, for exchanging partial results
FLAG = 16  # bytes of shared memory after those, for a flag that one thread broadcasts to the block


@dataclass(frozen=True)
class RowSpec:
    """The spec of a row kernel for its template: the division of rows, and the emitted statements.

    `reductions` computes the reductions of a row, `columns` the results of one column; `known_columns` is how
    many there are, None where a symbol decides that. With several `splits`, `reductions` computes the partial
    results of one block, `save` stores them as `words` words in the workspace, and `join` combines those of
    all blocks. With a `vector`, `columns` is a loop over the vectors of a thread, and `early` loads those of
    weights.
    """

    name: Identifier
    title: Code
    parameters: Code
    threads: int
    rows: int
    workers: int
    across: bool
    index_type: Identifier
    row_count: Code
    column_count: Code
    known_columns: int | None
    decode: tuple[Code, ...]
    reductions: tuple[Code, ...]
    columns: tuple[Code, ...]
    lanes: int = 1
    splits: int = 1
    words: int = 0
    save: tuple[Code, ...] = ()
    join: tuple[Code, ...] = ()
    vector: int = 1
    early: tuple[Code, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RowFamily(KernelFamily):
    """The family of row kernels, which run regions with large reductions along rows.

    Configuration: `rows` per block; `workers`, threads per row in a block; `across`, 1 if adjacent threads
    are on different rows, for coalesced loads; `splits`, blocks per row, `lanes`, adjacent rows of a thread,
    and `vector`, adjacent elements of a thread that keeps its part of the row, where more than one.
    """

    name: str = "row"
    rank: Rank = Rank.ROWS
    groupable: bool = True

    def candidates(self, request: Request) -> list[Candidate]:
        problem = analyse(request)
        if problem is None:
            return []
        across = _rows_are_contiguous(problem)
        whole = whole_shares(problem, request, across)
        held = [] if across else list(held_shares(problem, request))
        shares = [*held, whole, *split_shares(problem, request, across)]
        if across and widest(problem) > 1:
            shares.append(replace(whole, lanes=widest(problem)))
        return [
            Candidate(self.name, _config(share, across), microseconds(problem, request, share))
            for share in shares
        ]

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        """CONFIG with blocks of THREADS, by more or fewer rows per block."""
        problem = analyse(request)
        workers, splits = int(config["workers"]), int(config.get("splits", 1))
        rows, rest = divmod(threads, workers)
        if problem is None or rest or not rows:
            return []
        share = Shares(rows, workers, splits, int(config.get("lanes", 1)), int(config.get("vector", 1)))
        return [Candidate(self.name, config | {"rows": rows}, microseconds(problem, request, share))]

    def realize(self, request: Request, config: Config) -> KernelCode:
        problem = analyse(request)
        if problem is None:
            raise ValueError("not a row kernel")
        share = Shares(
            int(config["rows"]),
            int(config["workers"]),
            int(config.get("splits", 1)),
            int(config.get("lanes", 1)),
            int(config.get("vector", 1)),
        )
        if share.splits > 1 and not problem.divisible:
            raise ValueError("the rows cannot be split over several blocks")
        if share.lanes > 1 and (share.splits > 1 or widest(problem) % share.lanes):
            raise ValueError("a thread cannot have so many rows")
        if share.vector > 1 and not _holds(problem, share):
            raise ValueError("a thread cannot keep its elements of a row")
        lanes = Lanes(problem.rows.axes[-1].symbol, share.lanes) if share.lanes > 1 else Lanes("", 1)
        signature = make_signature(request, _scratch(problem, share))
        emitter = RowEmitter(
            signature.buffers(request), signature.symbols, (problem.rows, problem.columns), lanes
        )
        emitter.rows, emitter.workers, emitter.across = share.rows, share.workers, bool(config["across"])
        emitter.splits = share.splits
        if share.vector > 1:
            buffers = signature.buffers(request)
            emitter.weights = frozenset(buffers[request.region.arguments[at]] for at in request.weights)
            length = problem.columns.size
            assert isinstance(length, int)
            emitter.held = HeldElements(RowWalk(length, share.vector, share.workers))
        emitter.ranges = {**request.ranges, **problem.rows.ranges(request.ranges)}
        spec = _spec(request, problem, signature, emitter)
        return KernelCode("kernels/row.cu.j2", spec, _geometry(problem, share), signature.typed)


def _config(share: Shares, across: bool) -> Config:
    config: Config = {"rows": share.rows, "workers": share.workers, "across": int(across)}
    more = {"splits": share.splits, "lanes": share.lanes, "vector": share.vector}
    return config | {name: count for name, count in more.items() if count > 1}


def _geometry(problem: RowProblem, share: Shares) -> Geometry:
    return Geometry(
        (ceildiv(problem.rows.size, share.rows * share.lanes), share.splits, 1),
        (share.threads, 1, 1),
        shared=share.threads * WORD + (FLAG if share.splits > 1 else 0),
    )


def _scratch(problem: RowProblem, share: Shares) -> tuple[ScratchParameter, ...]:
    """The scratch memory of split rows: a workspace for partial results, and counters of finished blocks.

    The workspace has a word for each variable of each block's state.
    """
    if share.splits == 1:
        return ()
    words = sum(len(shared_reduction(str, reduce).variables) for reduce in problem.shared)
    return (
        ScratchParameter("workspace", U64, problem.rows.size * share.splits * words),
        ScratchParameter("counters", U32, ceildiv(problem.rows.size, share.rows), "counters"),
    )


def _spec(request: Request, problem: RowProblem, signature: Signature, emitter: RowEmitter) -> RowSpec:
    bodies = _bodies(request, problem, signature, emitter)
    kind = signature.index_type
    decode = problem.rows.decode(emitter.names, kind)
    columns = problem.columns
    return RowSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        threads=emitter.rows * emitter.workers,
        rows=emitter.rows,
        workers=emitter.workers,
        across=emitter.across,
        index_type=Identifier(kind),
        row_count=Code(dim_to_c(problem.rows.size, signature.symbols)),
        column_count=Code(dim_to_c(columns.size, signature.symbols)),
        known_columns=columns.size if isinstance(columns.size, int) else None,
        decode=_code(decode),
        reductions=_code(bodies.reductions),
        columns=_code(columns.decode(emitter.names, kind) + bodies.columns),
        lanes=emitter.lanes.count,
        splits=emitter.splits,
        words=len(bodies.save),
        save=_code(bodies.save),
        join=_code(bodies.join),
        vector=emitter.held.walk.vector if emitter.held is not None else 1,
        early=_code(emitter.held.loads(early=True) if emitter.held is not None else []),
    )


def _code(lines: list[str]) -> tuple[Code, ...]:
    return tuple(Code(line) for line in lines)


@dataclass(frozen=True)
class _Bodies:
    """Emitted statements; `RowSpec` explains them."""

    reductions: list[str]
    columns: list[str]
    save: list[str]
    join: list[str]


def _bodies(request: Request, problem: RowProblem, signature: Signature, emitter: RowEmitter) -> _Bodies:
    """Emits the shared reductions of a row, and the statements for each of its columns."""
    lanes = emitter.lanes.count
    top = Section(lanes)
    groups = in_groups(problem.shared)
    save: list[str] = []
    join: list[str] = []
    reductions: list[str] = []
    if emitter.splits > 1:
        parts = Section(1)
        states = emitter.share_parts(groups, parts)
        save = emitter.save_parts(states)
        emitter.join_parts(problem.shared, states, top)
        reductions, join = parts.finished(1), top.finished(1)
    else:
        for group in groups:
            emitter.share(group, top)
        reductions = top.finished(lanes)
    inner = top.child() if emitter.held is None else top.child(emitter.along(_column_symbol(problem)))
    for name, type, expr in zip(signature.outputs, request.writes, problem.results, strict=True):
        store(emitter, name, type, problem.index, expr, inner)
    columns = inner.finished(emitter.lanes.count)
    if emitter.held is not None:
        emitter.lanes = Lanes("", lanes)
        columns = emitter.held.walk.over(columns)
        reductions = emitter.held.loads(early=False) + reductions
    return _Bodies(reductions, columns, save, join)


def _column_symbol(problem: RowProblem) -> str:
    return next(axis.symbol for axis in problem.columns.axes if axis.size != 1)


def _holds(problem: RowProblem, share: Shares) -> bool:
    """Whether threads may keep their elements of a row of PROBLEM in the division SHARE."""
    size = problem.columns.size
    whole = problem.along_columns and isinstance(size, int) and size % share.vector == 0
    return whole and share.splits == share.lanes == 1


def widest(problem: RowProblem) -> int:
    """The most adjacent rows that a thread may have: those of one vectorized load.

    Only rows of one result may have company, by reductions of one group that have the type in which they are
    computed.
    """
    shared = problem.shared
    plain = all(r.kind in FUNCTORS and r.dtype == compute_dtype(r.dtype) for r in shared)
    inner = problem.rows.axes[-1].size if problem.rows.axes else 1
    if problem.columns.size != 1 or len(in_groups(shared)) != 1 or not plain:
        return 1
    loads = [node for reduce in shared for node in walk(reduce.body) if isinstance(node, LoadExpr)]
    return power_of_two_in(divisor(inner), min(WIDEST // load.dtype.bytes for load in loads)) if loads else 1


def _rows_are_contiguous(problem: RowProblem) -> bool:
    """True when loads in the reductions are contiguous across rows, and not along the reduction.

    Adjacent threads should then be on different rows, for coalesced loads.
    """
    axes = [axis for axis in problem.rows.axes if axis.size != 1]
    if not axes:
        return False
    innermost = axes[-1].symbol
    for reduce in problem.shared:
        variables = {name for name, _ in reduce.variables}
        for load in (node for node in walk(reduce.body) if isinstance(node, LoadExpr)):
            offset = linear_offset(load.source.type, load.index)
            # A load that is the same for the whole row happens once and does not count.
            if isinstance(offset, Affine) and not variables.isdisjoint(symbols(offset)):
                steps = dict(offset.terms)
                along = any(steps.get((name,)) == 1 for name in variables)
                if steps.get((innermost,)) == 1 and not along:
                    return True
    return False
