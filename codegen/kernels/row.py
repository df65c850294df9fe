"""Row kernels: softmax, normalisations and reductions, with the elementwise work around them.

Every result element belongs to a row; the reductions depend on the row alone and are shared by
the `workers` threads of it. A reduction over whole axes is a row whose result is one element.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Affine, Dim, ceildiv, evaluate, product
from ...dialects.core.expr import Expr, Load, Reduce
from ...dialects.core.types import TensorType
from ..affine_c import dim_to_c
from ..inline import RegionExpressions
from ..lanes import Lanes
from ..offsets import linear_offset
from ..render import Code, Identifier
from ..row_emit import (
    OPERATIONS,
    Dependences,
    RowEmitter,
    reductions_inside_out,
    walk,
)
from ..sections import Section
from ..spaces import Space, make_space
from .describe import title
from .family import Candidate, Config, Geometry, KernelCode, Request
from .signature import Signature, make_signature

THREADS = 256
LEAST_SHARED = 8  # shorter reductions are cheaper inside one thread, even if every column repeats them
LEAST_ALONE = 32  # the same for reductions that only one result element needs: pooling windows


@dataclass(frozen=True)
class RowSpec:
    """What the template needs: the shape of a block and the emitted statements."""

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
    decode: tuple[Code, ...]
    reductions: tuple[Code, ...]
    columns: tuple[Code, ...]


@dataclass(frozen=True, eq=False)
class RowProblem:
    """A region seen as rows: which reductions are shared, which dimensions make a row."""

    rows: Space
    columns: Space
    results: tuple[Expr, ...]
    index: tuple[Dim, ...]
    shared: tuple[Reduce, ...]


def analyse(request: Request) -> RowProblem | None:
    """The region as rows, or None when no large reduction depends on whole rows only."""
    first = request.writes[0]
    if any(type.shape != first.shape for type in request.writes):
        return None
    space = make_space("element", "i", [(axis, first.shape[axis]) for axis in first.order])
    by_axis = space.index(first.order)
    index = tuple(by_axis[axis] for axis in range(first.rank))
    expressions = RegionExpressions({**request.ranges, **space.ranges(request.ranges)})
    results = tuple(expressions.element(value, index) for value in request.region.terminator.inputs)
    return _split(request, first, index, results)


def _split(
    request: Request, type: TensorType, index: tuple[Dim, ...], results: tuple[Expr, ...]
) -> RowProblem | None:
    dependences = Dependences()
    axes = {f"_i{axis}" for axis in range(type.rank)}
    found: dict[int, Reduce] = {}
    for result in results:
        for reduce in reductions_inside_out(result):
            outside = {name for name in dependences.of(reduce) if name.startswith("_")}
            alone = all(f"_i{axis}" in outside or size == 1 for axis, size in enumerate(type.shape))
            least = LEAST_ALONE if alone else LEAST_SHARED
            if reduce.kind in OPERATIONS and _length(reduce, request) >= least and outside <= axes:
                found[id(reduce)] = reduce
    if not found:
        return None
    in_row = {name for reduce in found.values() for name in dependences.of(reduce)} & axes
    kept = [(axis, type.shape[axis]) for axis in type.order if f"_i{axis}" in in_row or type.shape[axis] == 1]
    rest = [(axis, type.shape[axis]) for axis in type.order if (axis, type.shape[axis]) not in kept]
    return RowProblem(
        make_space("row", "i", kept), make_space("column", "i", rest), results, index, tuple(found.values())
    )


def _length(reduce: Reduce, request: Request) -> int:
    """Elements that REDUCE takes in, at the symbols' optimum; 0 when that varies from row to row."""
    try:
        return evaluate(product(extent for _, extent in reduce.variables), request.optimum)
    except KeyError:
        return 0


class RowFamily:
    """Configuration: `rows` a block, `workers` threads a row, `across` 1 if neighbours are on other rows."""

    name = "row"

    def propose(self, request: Request) -> list[Candidate]:
        problem = analyse(request)
        if problem is None or any(not type.layout.is_dense for type in request.writes):
            return []
        across = _rows_are_contiguous(problem)
        workers = self._workers(problem, request, across)
        threads = max(THREADS, workers) if across else max(workers, 128 if workers > 32 else 64)
        rows = max(1, threads // workers)
        config: Config = {"rows": rows, "workers": workers, "across": int(across)}
        return [Candidate(self.name, config, self._cost(request))]

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        """CONFIG in blocks of THREADS, with more rows or fewer; each row as before."""
        rows, rest = divmod(threads, int(config["workers"]))
        if rest or not rows:
            return []
        return [Candidate(self.name, config | {"rows": rows}, self._cost(request))]

    def _workers(self, problem: RowProblem, request: Request, across: bool) -> int:
        length = max(_length(reduce, request) for reduce in problem.shared)
        if across:
            return 8 if length <= 128 else 16
        workers = 32
        while workers < 512 and length >= workers * 8:
            workers *= 2
        return workers

    def _cost(self, request: Request) -> float:
        moved = sum(evaluate(type.bytes, request.optimum) for type in (*request.reads, *request.writes))
        return 3.0 + moved / request.target.bytes_per_second * 1e6

    def realize(self, request: Request, config: Config) -> KernelCode:
        problem = analyse(request)
        if problem is None:
            raise ValueError("not a row kernel")
        rows, workers, across = int(config["rows"]), int(config["workers"]), bool(config["across"])
        signature = make_signature(request)
        emitter = RowEmitter(
            signature.buffers(request), signature.symbols, (problem.rows, problem.columns), Lanes("", 1)
        )
        emitter.rows, emitter.workers, emitter.across = rows, workers, across
        reductions, columns = _bodies(request, problem, signature, emitter)
        kind = signature.index_type
        decode = problem.rows.decode(emitter.names, kind)
        columns = problem.columns.decode(emitter.names, kind) + columns
        spec = RowSpec(
            name=Identifier(request.name),
            title=title(request),
            parameters=signature.parameters,
            threads=rows * workers,
            rows=rows,
            workers=workers,
            across=across,
            index_type=Identifier(kind),
            row_count=Code(dim_to_c(problem.rows.size, signature.symbols)),
            column_count=Code(dim_to_c(problem.columns.size, signature.symbols)),
            decode=_code(decode),
            reductions=_code(reductions),
            columns=_code(columns),
        )
        grid = ceildiv(problem.rows.size, rows)
        geometry = Geometry((grid, 1, 1), (rows * workers, 1, 1), shared=rows * workers * 8)
        return KernelCode("kernels/row.cu.j2", spec, geometry)


def _code(lines: list[str]) -> tuple[Code, ...]:
    return tuple(Code(line) for line in lines)


def _bodies(
    request: Request, problem: RowProblem, signature: Signature, emitter: RowEmitter
) -> tuple[list[str], list[str]]:
    """The shared reductions, and what is done for each column of the row."""
    top = Section(1)
    for reduce in problem.shared:
        emitter.share(reduce, top)
    inner = top.child()
    for name, type, expr in zip(signature.outputs, request.writes, problem.results, strict=True):
        emitter.store(name, type, problem.index, emitter.lower(expr, inner), inner)
    return top.finished(1), inner.finished(1)


def _rows_are_contiguous(problem: RowProblem) -> bool:
    """True when the long reads walk memory along rows' neighbours rather than along the reduction."""
    axes = [axis for axis in problem.rows.axes if axis.size != 1]
    if not axes:
        return False
    innermost = axes[-1].symbol
    for reduce in problem.shared:
        variables = {name for name, _ in reduce.variables}
        for load in (node for node in walk(reduce.body) if isinstance(node, Load)):
            offset = linear_offset(load.source.type, load.index)
            if isinstance(offset, Affine):
                steps = dict(offset.terms)
                along = any(steps.get((name,)) == 1 for name in variables)
                if steps.get((innermost,)) == 1 and not along:
                    return True
    return False
