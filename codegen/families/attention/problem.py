"""Attention as a problem, independent of any kernel: its sizes, and its operands as strided views.

The region has one graph.attention. The ops before and after it only move elements in ways that strides can
express, so that heads are split when operands are loaded, and merged when results are stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, product
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import BF16, BOOL, F8E4M3, F16, F32, I8, DType
from ....dialects.core.ir import Operation, Value
from ....dialects.graph.attention import Attention
from ....dialects.graph.constants import Constant
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.quantization import Quantize
from ....dialects.graph.unpadded_attention import UnpaddedAttention
from ...emit.strided import Strided
from ...request.request import Request
from ..contraction.problem import COPY_BYTES
from ..divisors import divisor, power_of_two_in

MATH = {F16: "f16", BF16: "bf16"}  # the operand types of tensor cores
MASKS = (F32, F16, BF16, BOOL)
STEPS = 2.0**-100, 2.0**100  # of eight bits; the reciprocal is as exact between these
MOST_FEATURES = 256  # of a head (depth or width): accumulators of more do not fit registers


@dataclass(frozen=True)
class Operand:
    """An operand or the result of attention: one matrix per batch entry, as a strided view of a buffer.

    index: the position of the buffer among the region's arguments (or outputs); offset, batch, row, column:
    its offset and strides in elements, with one stride per batch dimension, 0 where it is broadcast; vector:
    elements along a row that one aligned vectorized access may move.
    """

    index: int
    dtype: DType
    offset: Dim
    batch: tuple[Dim, ...]
    row: Dim
    column: Dim
    vector: int


@dataclass(frozen=True)
class Sequences:
    """Sequences without padding between them: the first dimension of the batch, which operands have no stride
    for. They share the rows of a matrix.

    offsets: the position of the list of where they begin among the region's arguments; rows: of a matrix.
    """

    offsets: int
    rows: Dim


@dataclass(frozen=True)
class AttentionProblem:
    """Attention as kernels see it: softmax(scale * q k^T + mask) v for every batch entry, or, with an inner
    scale, softmax(scale * tanh(inner * q k^T) + mask) v.

    math: the type of the operands; extents: the sizes of the batch dimensions; depth: features of a query or
    key; width: features of a value or result; fill: the score where a boolean mask is false; step: what
    results are divided by before they are rounded to eight bits, 1 where they are stored as floats;
    sequences: those that share the rows, of which the longest has `queries` rows, and as many keys. `causal`,
    `guarded` and `rounded` are as in the op.
    """

    math: DType
    extents: tuple[Dim, ...]
    queries: Dim
    keys: Dim
    depth: int
    width: int
    q: Operand
    k: Operand
    v: Operand
    y: Operand
    mask: Operand | None
    scale: float
    inner: float
    causal: bool
    guarded: bool
    fill: float
    rounded: bool
    step: float
    sequences: Sequences | None = None

    @property
    def batches(self) -> Dim:
        """The number of batch entries."""
        return product(self.extents)


def find_attention(request: Request) -> AttentionProblem | None:
    """The attention problem of REQUEST's region.

    None when it is something else, when an operand or the result is not a strided view of a buffer, or when
    no kernel has its types or sizes.
    """
    roots = [op for op in request.ops if isinstance(op, Attention)]
    if len(roots) != 1 or len(request.writes) != 1:
        return None
    op = roots[0]
    sources = {value: _source(request, value) for value in op.inputs}
    target = _target(request, op)
    known = {value: source for value, source in sources.items() if source is not None}
    return None if target is None or len(known) < len(sources) else _problem(request, op, known, *target)


def _problem(
    request: Request, op: Attention, known: Mapping[Value, tuple[int, Strided]], target: Strided, step: float
) -> AttentionProblem | None:
    depth, width = op.q.type.shape[-1], op.v.type.shape[-1]
    math = request.reads[known[op.q][0]].dtype
    alike = all(value.type.dtype == math for value in (op.q, op.k, op.v))
    if not alike or not supports(op, math) or not isinstance(depth, int) or not isinstance(width, int):
        return None
    leading = [axis for axis in range(op.y.type.rank - 2) if op.y.type.shape[axis] != 1]
    rank = op.y.type.rank

    def operand(value: Value, columns: Dim) -> Operand:
        index, view = known[value]
        return _operand(index, request.reads[index].dtype, view, leading, rank, columns)

    found = AttentionProblem(
        math=math,
        extents=tuple(op.y.type.shape[axis] for axis in leading),
        queries=op.q.type.shape[-2],
        keys=op.k.type.shape[-2],
        depth=depth,
        width=width,
        q=operand(op.q, depth),
        k=operand(op.k, depth),
        v=operand(op.v, width),
        y=_operand(0, request.writes[0].dtype, target, leading, rank, width),
        mask=None if op.mask is None else operand(op.mask, op.k.type.shape[-2]),
        scale=op.cap or op.scale,
        inner=op.scale / op.cap if op.cap else 0.0,
        causal=op.causal,
        guarded=op.guarded,
        fill=op.fill,
        rounded=op.rounds_sums,
        step=step,
    )
    return _of_sequences(found, op, known[op.offsets]) if isinstance(op, UnpaddedAttention) else found


def _of_sequences(
    problem: AttentionProblem, op: UnpaddedAttention, offsets: tuple[int, Strided]
) -> AttentionProblem | None:
    """PROBLEM, which is OP without its sequences, with them; OFFSETS: where these begin, as an argument."""
    index, view = offsets
    if view.offset != 0 or view.step(0, 1) != 1:
        return None
    shared = {
        name: replace(operand, batch=(0, *operand.batch))
        for name in ("q", "k", "v", "y")
        for operand in [getattr(problem, name)]
    }
    return replace(
        problem,
        **shared,
        extents=(op.sequences, *problem.extents),
        queries=op.longest,
        keys=op.longest,
        sequences=Sequences(index, problem.queries),
    )


def supports(op: Attention, operands: DType, most: int = MOST_FEATURES) -> bool:
    """Whether kernels for heads of MOST features have the types and the sizes of OP, where its operands are
    stored as OPERANDS."""
    sums = op.accumulate or op.y.type.dtype
    features = op.q.type.shape[-1], op.v.type.shape[-1]
    return (
        (operands in MATH or operands == F32)
        and (op.mask is None or op.mask.type.dtype in MASKS)
        and sums in (F32, operands)
        and all(isinstance(size, int) and 0 < size <= most for size in features)
    )


def _operand(
    index: int, dtype: DType, view: Strided, leading: Sequence[int], rank: int, columns: Dim
) -> Operand:
    batch = tuple(view.step(axis, rank) for axis in leading)
    row, column = view.step(rank - 2, rank), view.step(rank - 1, rank)
    vector = 1
    if column == 1:
        vector = power_of_two_in(divisor(view.offset, *batch, row, columns), COPY_BYTES // dtype.bytes)
    return Operand(index, dtype, view.offset, batch, row, column, vector)


def _source(request: Request, value: Value) -> tuple[int, Strided] | None:
    """The position of the region argument that VALUE is a view of, and the view; None when it is not one."""
    chain: list[Operation] = []
    while value.producer is not None:
        if len(value.producer.inputs) != 1:
            return None
        chain.append(value.producer)
        value = value.producer.inputs[0]
    view: Strided | None = Strided.of(value.type)
    for op in reversed(chain):
        view = view.through(op) if view is not None else None
    return None if view is None else (request.region.arguments.index(value), view)


def _target(request: Request, op: Attention) -> tuple[Strided, float] | None:
    """OP's result as a view of the output buffer, and the step of its eight bits; None when no strides
    express where it is written."""
    chain: list[Operation] = []
    value = request.region.terminator.inputs[0]
    while value is not op.result:
        made = value.producer
        if made is None or not (len(made.inputs) == 1 or step_of(made)):
            return None
        chain.append(made)
        value = made.inputs[0]
    view: Strided | None = Strided.of(request.writes[0])
    for each in chain:
        if view is not None and not isinstance(each, (Cast, Quantize)):
            view = view.behind(each)
    steps = [step for each in chain if (step := step_of(each))]
    return None if view is None or len(steps) > 1 else (view, steps[0] if steps else 1.0)


def step_of(op: Operation) -> float:
    """The step of the eight bits, without a zero point, to which OP rounds floats; 0 for any other op."""
    if not isinstance(op, Quantize) or op.to not in (I8, F8E4M3) or op.zero_point is not None:
        return 0.0
    scale = op.scale.producer
    if not isinstance(scale, Constant) or scale.value is None or op.scale.type.elements != 1:
        return 0.0
    step = float(scale.value.reshape(-1)[0])
    usual = op.per_tensor and op.saturate and op.precision == F32
    return step if usual and STEPS[0] <= step <= STEPS[1] else 0.0


def at_optimum(dim: Dim, request: Request) -> int:
    """DIM at the sizes that kernels are tuned for; at least 1, since an empty kernel needs no tuning."""
    return max(evaluate(dim, request.optimum), 1)
