"""Binds a region to a contraction kernel: finds its problem, and emits the epilogue and the prologue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, symbol
from ....dialects.core.dtypes import F32, TF32
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ....dialects.graph.movement.slicing import Slice
from ...emit.epilogue import Epilogue, emit_epilogue
from ...emit.lanes import Lanes
from ...emit.spaces import Space, make_space
from ...emit.tile_epilogue import TileEpilogue
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..divisors import divisor, power_of_two_in
from .problem import Problem
from .prologue import NoPrologue, Prologue, read_prologue, summed_axis
from .prologue_code import emit_elements, emit_rows, row_name
from .row_work import RowValue, RowWork
from .spec import KernelBinding
from .stream import streamed_problem

WIDEST_STORE = 16  # bytes of a vectorized store
EXACT = "f32 operands are rounded to tf32 only where the contraction says so"
MOST_LANES = 8  # result columns that one thread stores together
Index = tuple[Dim, ...]
ReadPrologue = Callable[[Operation], Prologue | NoPrologue]


@dataclass(frozen=True)
class Contraction:
    """The contraction of a region: the op `root`, its problem, and the prologue of its first operand."""

    root: Operation
    problem: Problem
    prologue: Prologue

    @property
    def is_exact(self) -> bool:
        """Whether its operands are f32 that nothing rounds, which tensor cores do not multiply."""
        return self.problem.a == F32 and self.root.attributes.get("multiply") != TF32

    @property
    def has_prologue(self) -> bool:
        """True when the first operand is computed or gathered while it is loaded."""
        return self.prologue.streamed is not self.root.inputs[0]


def find_contraction(request: Request) -> Contraction | None:
    """The only contraction of REQUEST's region, if kernels can load its operands and compute all else on
    single elements of its result.

    None where `contraction_of` gives none, and where the region has windows, as those of a pool, or takes
    parts of the result.
    """
    apart = any(has(op, Trait.WINDOW) or isinstance(op, Slice) for op in request.ops)
    return None if apart else contraction_of(request)


def contraction_of(request: Request, read: ReadPrologue = read_prologue) -> Contraction | None:
    """The only contraction of REQUEST's region, if kernels can load its operands.

    None when the region has no contraction or several, when READ finds no prologue that is supported, or when
    the second operand is computed in the region.
    """
    return request.once(("contraction", read), lambda: _contraction_of(request, read))


def _contraction_of(request: Request, read: ReadPrologue) -> Contraction | None:
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or len(roots[0].inputs) != 2:
        return None
    root = roots[0]
    b = root.inputs[1]
    prologue = read(root)
    if isinstance(prologue, NoPrologue) or b.producer is not None:
        return None
    sizes = {name: (low, request.optimum[name], high) for name, (low, high) in request.ranges.items()}
    weight = request.region.arguments.index(b) in request.weights
    problem = streamed_problem(root, prologue, sizes, b_is_weight=weight)
    if problem is None:
        return None
    return Contraction(root, replace(problem, result_bytes=_result_bytes(request, root)), prologue)


def _result_bytes(request: Request, root: Operation) -> int:
    """Bytes that the epilogue of ROOT moves to and from memory for each result."""
    beside = [
        value.type.dtype.bytes
        for value in request.region.arguments
        if value not in root.inputs and value.type.shape == root.result.type.shape
    ]
    return sum(type.dtype.bytes for type in request.writes) + sum(beside)


def spaces_of(contraction: Contraction, depthwise_channels: bool) -> tuple[Index, tuple[Space, ...]]:
    """The result's logical index in terms of the kernel's indices, and their spaces: batches, rows, columns.

    A convolution has no space for the batch, which is its group; DEPTHWISE_CHANNELS: columns are channels.
    """
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
    """Result columns that one thread computes together: one vectorized store of the first output.

    A power of two that divides COLUMNS.
    """
    most = WIDEST_STORE // request.writes[0].dtype.bytes
    return power_of_two_in(divisor(columns), min(most, MOST_LANES))


def bind(
    request: Request,
    contraction: Contraction,
    vector: int,
    signature: Signature,
    depthwise_channels: bool = False,
) -> KernelBinding:
    """The binding of CONTRACTION: names, parameters, and the emitted prologue and epilogue.

    VECTOR is the number of adjacent result columns that the epilogue handles together.
    """
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
        rows=spaces[-2],
        half=contraction.problem.n if contraction.problem.halves else 0,
    )
    return bound(request, contraction, vector, signature, epilogue)


def bound(
    request: Request,
    contraction: Contraction,
    vector: int,
    signature: Signature,
    epilogue: Epilogue | TileEpilogue,
) -> KernelBinding:
    """The binding of CONTRACTION with an emitted EPILOGUE of VECTOR adjacent result columns."""
    buffers = signature.buffers(request)
    a, b = buffers[contraction.prologue.streamed], buffers[contraction.root.inputs[1]]
    return KernelBinding(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        a=Identifier(a),
        b=Identifier(b),
        symbols=tuple(sorted(signature.symbols.items())),
        epilogue=Code("\n".join(epilogue.lines)),
        beside=epilogue.beside if isinstance(epilogue, Epilogue) else None,
        along=epilogue.along,
        vector=vector,
        index_type=signature.index_type,
        prologue=prologue_code(request, contraction, signature, contraction.problem.a_vector),
        rows=row_work(request, contraction, signature),
    )


def prologue_code(
    request: Request, contraction: Contraction, signature: Signature, vector: int
) -> Code | None:
    """Statements of the prologue: they compute VECTOR adjacent elements `value` of the first operand from
    `loaded`.

    None when elements are used as they are loaded.
    """
    if not contraction.prologue.computes:
        return None
    root, problem = contraction.root, contraction.problem
    channel = symbol("_channel")
    grouped = problem.op == "conv" and bool(problem.batch)
    place = channel + symbol("_batch") * problem.channels if grouped else channel
    rank = root.inputs[0].type.rank
    index = tuple(place if axis == summed_axis(root) else 0 for axis in range(rank))
    if problem.a_k_major:
        lanes, row = Lanes("_channel", vector), "pass"
    else:
        lanes, row = Lanes("_row", vector), "piece + lane" if vector > 1 else "piece"
    names = {"_channel": "channel", "_batch": "batch"}
    lines = emit_elements(request, signature, contraction.prologue, index, lanes, row, names)
    return Code("\n".join(lines))


def row_work(request: Request, contraction: Contraction, signature: Signature) -> RowWork | None:
    """What is computed once per row of the first operand: row values, and the origins of gathered rows.

    None when there is neither.
    """
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
    """The index of the first element of the first operand's row that contributes to the element RESULT."""
    root, shape = contraction.root, contraction.root.inputs[0].type.shape
    if contraction.problem.op == "conv":
        return (result[0], *(0 for _ in shape[1:]))
    # The operand has no dimensions that the result lacks; it is broadcast along those that it lacks.
    ahead = len(result) - len(shape)
    own: list[Dim] = [0 if size == 1 else at for at, size in zip(result[ahead:], shape, strict=True)]
    row, summed = (-1, -2) if root.attributes["transpose_a"] else (-2, -1)
    own[row], own[summed] = result[-2], 0
    return tuple(own)
