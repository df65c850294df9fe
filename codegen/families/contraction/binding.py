"""Designed contraction kernels: the problem from the region, the epilogue from its other ops."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, symbol
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ...emit.epilogue import emit_epilogue
from ...emit.lanes import Lanes
from ...emit.spaces import Space, make_space
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.literals import c_type
from ...text.render import Code, Identifier
from .problem import Problem, divisor, power_of_two_in
from .prologue import Prologue, Unfit, read_prologue, summed_axis
from .prologue_code import emit_elements, emit_rows, row_name
from .row_work import RowValue, RowWork
from .spec import Binding
from .stream import streamed_problem

WIDEST_STORE = 16  # bytes
MOST_LANES = 8
Index = tuple[Dim, ...]


@dataclass(frozen=True)
class Contraction:
    """The contraction that leads a region, as a problem for kernels."""

    root: Operation
    problem: Problem
    prologue: Prologue

    @property
    def has_prologue(self) -> bool:
        """True unless the first operand is read as it lies in memory."""
        return self.prologue.streamed is not self.root.inputs[0]


def find_contraction(request: Request) -> Contraction | None:
    """The region's only contraction, if a kernel can read its operands as they lie in memory."""
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or len(roots[0].inputs) != 2:
        return None
    root = roots[0]
    b = root.inputs[1]
    prologue = read_prologue(root)
    if isinstance(prologue, Unfit) or b.producer is not None:
        return None
    sizes = {name: (low, request.optimum[name], high) for name, (low, high) in request.ranges.items()}
    weight = request.region.arguments.index(b) in request.weights
    problem = streamed_problem(root, prologue, sizes, b_is_weight=weight)
    return None if problem is None else Contraction(root, problem, prologue)


def spaces_of(contraction: Contraction, depthwise_channels: bool) -> tuple[Index, tuple[Space, ...]]:
    """The result's logical index in terms of the kernel's `m`, `n` and `batch`, and those as spaces."""
    problem, shape = contraction.problem, contraction.root.result.type.shape
    rows = make_space("m", "i", [(axis, shape[axis]) for axis in problem.row_axes])
    index: dict[int, Dim] = rows.index(problem.row_axes)
    column = problem.column_axis
    if problem.op == "conv":
        size = shape[column] if depthwise_channels else problem.n
        columns = make_space("n", "i", [(column, size)])
        own = columns.index([column])[column]
        grouped = bool(problem.batch) and not depthwise_channels
        index[column] = own + symbol("_batch") * problem.n if grouped else own
        spaces: tuple[Space, ...] = (rows, columns)
    else:
        columns = make_space("n", "i", [(column, problem.n)])
        batches = make_space("batch", "i", [(axis, shape[axis]) for axis in problem.batch_axes])
        index |= columns.index([column]) | batches.index(problem.batch_axes)
        spaces = (batches, rows, columns)
    return tuple(index[axis] for axis in range(len(shape))), spaces


def widest_vector(request: Request, columns: Dim) -> int:
    """Result columns that one thread may finish at a time: one wide store of the first output."""
    most = WIDEST_STORE // request.writes[0].dtype.bytes
    return power_of_two_in(divisor(columns), min(most, MOST_LANES))


def bind(
    request: Request,
    contraction: Contraction,
    vector: int,
    signature: Signature,
    depthwise_channels: bool = False,
) -> Binding:
    """Names, parameters and the emitted epilogue for a template."""
    index, spaces = spaces_of(contraction, depthwise_channels)
    epilogue = emit_epilogue(
        request,
        signature,
        contraction.root,
        contraction.problem.accumulate,
        index,
        spaces,
        Lanes(spaces[-1].axes[0].symbol, vector),
        names={"_batch": "batch"},
        rows=None if depthwise_channels else spaces[-2],
    )
    buffers = signature.buffers(request)
    a, b = buffers[contraction.prologue.streamed], buffers[contraction.root.inputs[1]]
    return Binding(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        a=Identifier(a),
        b=Identifier(b),
        symbols=tuple(sorted(signature.symbols.items())),
        epilogue=Code("\n".join(epilogue.lines)),
        beside=epilogue.beside,
        along=epilogue.along,
        vector=vector,
        index_type=signature.index_type,
        prologue=prologue_code(request, contraction, signature),
        rows=row_work(request, contraction, signature),
    )


def prologue_code(request: Request, contraction: Contraction, signature: Signature) -> Code | None:
    """Statements that make `value`, some neighbouring elements of the first operand, from `loaded`."""
    if not contraction.prologue.computes:
        return None
    root, problem = contraction.root, contraction.problem
    channel = symbol("_channel")
    grouped = problem.op == "conv" and bool(problem.batch)
    place = channel + symbol("_batch") * problem.channels if grouped else channel
    rank = root.inputs[0].type.rank
    index = tuple(place if axis == summed_axis(root) else 0 for axis in range(rank))
    vector = problem.a_vector
    if problem.a_k_major:
        lanes, row = Lanes("_channel", vector), "pass"
    else:
        lanes, row = Lanes("_row", vector), "piece + lane" if vector > 1 else "piece"
    names = {"_channel": "channel", "_batch": "batch"}
    lines = emit_elements(request, signature, contraction.prologue, index, lanes, row, names)
    return Code("\n".join(lines))


def row_work(request: Request, contraction: Contraction, signature: Signature) -> RowWork | None:
    """What is found once for each row of the first operand: row values, and where gathered rows begin."""
    prologue = contraction.prologue
    if not prologue.rows and prologue.gather is None:
        return None
    index, spaces = spaces_of(contraction, depthwise_channels=False)
    lines = emit_rows(
        request, signature, prologue, row_index(contraction, index), spaces, {"_batch": "batch"}
    )
    values = tuple(
        RowValue(Identifier(row_name(number)), Identifier(c_type(value.type.dtype)))
        for number, value in enumerate(prologue.rows)
    )
    return RowWork(values, prologue.gather is not None, Code("\n".join(lines)))


def row_index(contraction: Contraction, result: Index) -> Index:
    """The first element of a row of the first operand, of which RESULT is an element of the result."""
    root, shape = contraction.root, contraction.root.inputs[0].type.shape
    if contraction.problem.op == "conv":
        return (result[0], *(0 for _ in shape[1:]))
    # The operand has no dimensions that the result lacks; those it is short of it is repeated along.
    ahead = len(result) - len(shape)
    own: list[Dim] = [0 if size == 1 else at for at, size in zip(result[ahead:], shape, strict=True)]
    row, summed = (-1, -2) if root.attributes["transpose_a"] else (-2, -1)
    own[row], own[summed] = result[-2], 0
    return tuple(own)
