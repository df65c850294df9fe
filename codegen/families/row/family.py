"""Row kernels: softmax, normalisations and reductions, with elementwise ops around them.

Every result element belongs to a row. The reductions depend on the row only, and the `workers` threads of a
row compute them together. A reduction over whole axes is a row with one result element. If such rows are few
and long, `splits` blocks share each of them: every block writes its partial result to the workspace, and the
last one to finish combines them and stores the result.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace

from ....dialects.core.affine import Affine, Dim, ceildiv
from ....dialects.core.affine_traversal import symbols
from ....dialects.core.dtypes import U32, U64
from ....dialects.core.expr import Expr, LetIndex, LoadExpr
from ....dialects.graph.numeric import compute_dtype
from ...emit.lanes import Lanes
from ...emit.offsets import linear_offset
from ...emit.row_walk import HeldElements, RowWalk
from ...emit.rows import RowEmitter, in_groups, row_indices, walk
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
from .cost import Shares, holds, microseconds, split_shares, vector_shares, whole_shares
from .problem import RowProblem, analyse

WIDEST = 16  # bytes of a vectorized load
WORD = 8  # bytes of shared memory per thread, for exchanging partial results
FLAG = 16  # bytes of shared memory after those, for a flag that one thread broadcasts to the block


@dataclass(frozen=True)
class RowSpec:
    """The spec of a row kernel for its template: the division of rows, and the emitted statements.

    `reductions` computes the reductions of a row, `columns` the results of a column, or of a vector of them;
    `step` counts either, and `known_columns` is how many there are, None where a symbol decides that. With
    several `splits`, `reductions` computes the partial results of one block, `save` stores them as `words`
    words in the workspace, and `join` combines those of all blocks. Where threads keep their elements, in
    registers (`held`), `columns` is a loop over those, and `early` loads what they keep of weights.
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
    step: Identifier
    decode: tuple[Code, ...]
    reductions: tuple[Code, ...]
    columns: tuple[Code, ...]
    lanes: int = 1
    splits: int = 1
    words: int = 0
    save: tuple[Code, ...] = ()
    join: tuple[Code, ...] = ()
    held: bool = False
    early: tuple[Code, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RowFamily(KernelFamily):
    """The family of row kernels, which run regions with large reductions along rows.

    Configuration: `rows` per block; `workers`, threads per row in a block; `across`, 1 if adjacent threads
    are on different rows, for coalesced loads; `splits`, blocks per row, `lanes`, adjacent rows of a thread,
    and `vector`, adjacent elements that a thread takes at a time, where more than one.
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
        vector = 1 if across else longest_vector(problem)
        shares = list(vector_shares(problem, request, vector)) if vector > 1 else []
        shares += [whole, *split_shares(problem, request, across, vector)]
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
        along = share.lanes == 1 and not config["across"]
        if share.vector > 1 and not (along and longest_vector(problem) % share.vector == 0):
            raise ValueError("a thread cannot take so many elements at a time")
        inner = problem.rows.innermost
        lanes = Lanes(inner.symbol, share.lanes) if inner and share.lanes > 1 else Lanes("", 1)
        signature = make_signature(request, _scratch(problem, share))
        emitter = RowEmitter(
            signature.buffers(request), signature.symbols, (problem.rows, problem.columns), lanes
        )
        emitter.rows, emitter.workers, emitter.across = share.rows, share.workers, bool(config["across"])
        emitter.splits, emitter.vector = share.splits, share.vector
        emitter.ranges = {**request.ranges, **problem.rows.ranges(request.ranges)}
        if holds(problem, share):
            buffers, length = signature.buffers(request), problem.columns.size
            assert isinstance(length, int)
            emitter.weights = frozenset(buffers[request.region.arguments[at]] for at in request.weights)
            emitter.held = HeldElements(RowWalk(length, share.vector, share.workers))
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
    columns, vectored = problem.columns, emitter.vector > 1 and problem.columns.size != 1
    steps = emitter.vectors(columns.size) if vectored else columns.size
    first = [f"const {kind} column = vector * {emitter.vector};"] if vectored else []
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
        column_count=Code(dim_to_c(steps, signature.symbols)),
        known_columns=steps if isinstance(steps, int) else None,
        step=Identifier("vector" if vectored else "column"),
        decode=_code(decode),
        reductions=_code(bodies.reductions),
        columns=_code(
            bodies.columns if emitter.held else first + columns.decode(emitter.names, kind) + bodies.columns
        ),
        lanes=emitter.lanes.count,
        splits=emitter.splits,
        words=len(bodies.save),
        save=_code(bodies.save),
        join=_code(bodies.join),
        held=emitter.held is not None,
        early=_code(emitter.held.loads(early=True) if emitter.held else []),
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
    lookups = Section(lanes)
    emitter.name_row_indices(problem.results, lookups)
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
    along = problem.columns.innermost
    vector = emitter.vector if along is not None else 1
    inner = top.child(vector if vector > 1 else None)
    with nullcontext() if along is None else emitter.along(along.symbol):
        for name, type, expr in zip(signature.outputs, request.writes, problem.results, strict=True):
            store(emitter, name, type, problem.index, expr, inner)
    columns = inner.finished(lanes * vector)
    if emitter.held is not None:
        columns = emitter.held.walk.over(columns)
        reductions = emitter.held.loads(early=False) + reductions
    reductions = lookups.finished(lanes) + reductions
    return _Bodies(reductions, columns, save, join)


def longest_vector(problem: RowProblem) -> int:
    """The most adjacent elements that a thread may take of a row at a time: those of one vectorized load.

    Rows are then whole vectors, and so is every load of elements.
    """
    extents = [extent for reduce in problem.shared for _, extent in reduce.variables]
    if not all(isinstance(size, int) for size in (*extents, problem.columns.size)):
        return 1
    # An index that is computed from data might differ within a vector, unless it is one for the whole row.
    known = {id(let) for let in row_indices(problem.results, {axis.symbol for axis in problem.rows.axes})}
    if any(
        isinstance(node, LetIndex) and id(node) not in known
        for each in problem.results
        for node in walk(each)
    ):
        return 1
    found = [_adjacent(reduce.body, *reduce.variables[-1]) for reduce in problem.shared]
    inner = problem.columns.innermost
    if inner is not None:
        found += [_adjacent(result, inner.symbol, inner.size) for result in problem.results]
    return min(found)


def _adjacent(expr: Expr, name: str, extent: Dim) -> int:
    """How many elements a thread may take of those that EXPR loads along index NAME, which has EXTENT."""
    found = []
    for load in (node for node in walk(expr) if isinstance(node, LoadExpr)):
        offset = linear_offset(load.source.type, load.index)
        if name in symbols(offset):
            lanes = Lanes(name, power_of_two_in(divisor(extent), WIDEST // load.dtype.bytes))
            found.append(lanes.count if lanes.stride(offset) == 1 and lanes.aligned(offset) else 1)
    return min(found, default=1)


def widest(problem: RowProblem) -> int:
    """The most adjacent rows that a thread may have: those of one vectorized load.

    Only rows of one result may have company, by reductions of one group that have the type in which they are
    computed.
    """
    shared = problem.shared
    plain = all(r.kind in FUNCTORS and r.dtype == compute_dtype(r.dtype) for r in shared)
    inner = problem.rows.innermost
    if any(isinstance(node, LetIndex) for reduce in shared for node in walk(reduce)):
        return 1
    if problem.columns.size != 1 or len(in_groups(shared)) != 1 or not plain or inner is None:
        return 1
    loads = [node for reduce in shared for node in walk(reduce.body) if isinstance(node, LoadExpr)]
    return (
        power_of_two_in(divisor(inner.size), min(WIDEST // load.dtype.bytes for load in loads))
        if loads
        else 1
    )


def _rows_are_contiguous(problem: RowProblem) -> bool:
    """True when loads in the reductions are contiguous across rows, and not along the reduction.

    Adjacent threads should then be on different rows, for coalesced loads.
    """
    inner = problem.rows.innermost
    if inner is None:
        return False
    for reduce in problem.shared:
        variables = {name for name, _ in reduce.variables}
        for load in (node for node in walk(reduce.body) if isinstance(node, LoadExpr)):
            offset = linear_offset(load.source.type, load.index)
            # A load that is the same for the whole row happens once and does not count.
            if isinstance(offset, Affine) and not variables.isdisjoint(symbols(offset)):
                steps = dict(offset.terms)
                along = any(steps.get((name,)) == 1 for name in variables)
                if steps.get((inner.symbol,)) == 1 and not along:
                    return True
    return False
