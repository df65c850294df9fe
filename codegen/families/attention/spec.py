"""The spec of an attention kernel for its template: products with softmax, staged operands, and the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim
from ....dialects.core.affine import product as product_of
from ....dialects.core.bounds import may_be_empty
from ....dialects.core.dtypes import BOOL, F32, I8
from ...arch.spec import ArchSpec
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type, literal
from ...text.render import Code, Identifier, Template
from ..contraction.gather import divides
from ..staging.registry import staging_of
from ..staging.staging import StagedOperand
from .problem import AttentionProblem, Operand

TEMPLATE = "kernels/attention.cu.j2"


@dataclass(frozen=True)
class AttentionProductSpec:
    """How the threads of a block multiply queries, keys and values; each kind has a subclass.

    A block has `block_s` queries and processes `block_t` keys per tile. Features are padded to multiples of
    `depth_step` and `width_step`. A vectorized store has at most `most_stored` elements.
    """

    template: Template
    threads: int
    block_s: int
    block_t: int
    depth_step: int
    width_step: int
    most_stored: int


@dataclass(frozen=True)
class EntryAxis:
    """One dimension of the batch: its C index variable and its extent."""

    name: Identifier
    extent: Code


@dataclass(frozen=True)
class MatrixSpec:
    """The spec of an operand or of the result: one matrix per batch entry.

    base, row, column: the offset of its first element, and its strides, in elements; features: its columns,
    padded to `padded` in shared memory; vector, bytes: elements and bytes of a vectorized copy; size: bytes
    of an element; staged_by, arrives_by: the templates of its staging and of the groups of its copies, none
    for the result; rows_first: whether it is contiguous along rows, not features.
    """

    name: Identifier
    type: Identifier
    base: Code
    row: Code
    column: Code
    features: int
    padded: int
    vector: int
    bytes: int
    size: int
    staged_by: Template | None
    arrives_by: Template | None
    rows_first: bool


@dataclass(frozen=True)
class MaskSpec:
    """The spec of the mask: it is added to the scores or, if `boolean`, selects between them and `fill`.

    shared_row: all queries have the same mask; base, row, column: offset and strides in elements; vector:
    elements of a vectorized load.
    """

    name: Identifier
    type: Identifier
    boolean: bool
    base: Code
    row: Code
    column: Code
    vector: int
    shared_row: bool
    fill: Code


@dataclass(frozen=True)
class StoredSpec:
    """How results are stored: `unit`, what they are multiplied by beside one over the total of their weights,
    and the functions that convert one of them, and a vector, to the type in memory."""

    unit: Code
    one: Identifier
    all: Identifier


@dataclass(frozen=True)
class SequencesSpec:
    """The spec of sequences that share the rows of a matrix: where they begin, how many they are, the most
    queries of one, the rows, and the entries of the batch that a sequence has."""

    name: Identifier
    count: Code
    longest: Code
    rows: Code
    heads: Code


def stored_spec(problem: AttentionProblem) -> StoredSpec:
    """How the results of PROBLEM are stored."""
    unit = Code("1.0f" if problem.step == 1 else literal(1.0 / problem.step, F32))
    kind = "nearest" if problem.y.dtype == I8 else "convert"
    return StoredSpec(unit, Identifier(kind), Identifier(f"{kind}_all"))


@dataclass(frozen=True)
class AttentionSpec:
    """The spec of an attention kernel for its template.

    element: the type of all staged tiles; key_count: the number of keys; one_tile: whether they always are
    one tile; checked: tiles may reach past the last key, so loads need an in-bounds predicate; keyless: there
    may be no keys at all. With `sequences`, queries and keys are those of a sequence.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    element: Identifier
    queries: Code
    key_count: Code
    one_tile: bool
    checked: bool
    batch: tuple[EntryAxis, ...]
    product: AttentionProductSpec
    q: MatrixSpec
    k: MatrixSpec
    v: MatrixSpec
    y: MatrixSpec
    stored: StoredSpec
    mask: MaskSpec | None
    scale: Code
    inner: Code | None
    causal: bool
    guarded: bool
    keyless: bool
    sequences: SequencesSpec | None

    @property
    def staged(self) -> tuple[MatrixSpec, ...]:
        """The operands that are staged."""
        return self.q, self.k, self.v


def attention_spec(
    request: Request, problem: AttentionProblem, product: AttentionProductSpec, signature: Signature
) -> AttentionSpec:
    """The spec of PROBLEM with PRODUCT."""
    names = signature.symbols
    depth = padded(problem.depth, product.depth_step)
    width = padded(problem.width, product.width_step)
    return AttentionSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        index_type=Identifier(signature.index_type),
        element=Identifier(c_type(problem.math)),
        queries=Code(dim_to_c(problem.queries, names)),
        key_count=Code(dim_to_c(problem.keys, names)),
        one_tile=isinstance(problem.keys, int) and 0 < problem.keys <= product.block_t,
        checked=problem.sequences is not None or not divides(product.block_t, problem.keys),
        batch=_batch_axes(problem, signature),
        product=product,
        q=_staged_spec(problem, problem.q, signature, problem.depth, depth, request.target),
        k=_staged_spec(problem, problem.k, signature, problem.depth, depth, request.target),
        v=_staged_spec(problem, problem.v, signature, problem.width, width, request.target),
        y=_matrix_spec(problem, problem.y, signature, problem.width, width, stored=product.most_stored),
        stored=stored_spec(problem),
        mask=None if problem.mask is None else _mask_spec(problem.mask, problem.fill, signature),
        scale=Code(literal(problem.scale, F32)),
        inner=inner_scale(problem),
        causal=problem.causal,
        guarded=problem.guarded,
        keyless=problem.sequences is None and may_be_empty(problem.keys, request.ranges),
        sequences=_sequences_spec(problem, signature),
    )


def inner_scale(problem: AttentionProblem) -> Code | None:
    """What products are multiplied by before their tanh; None for scores without a cap."""
    return Code(literal(problem.inner, F32)) if problem.inner else None


def _sequences_spec(problem: AttentionProblem, signature: Signature) -> SequencesSpec | None:
    if problem.sequences is None:
        return None
    names = signature.symbols
    return SequencesSpec(
        name=Identifier(signature.inputs[problem.sequences.offsets]),
        count=Code(factor_to_c(problem.extents[0], names)),
        longest=Code(dim_to_c(problem.queries, names)),
        rows=Code(dim_to_c(problem.sequences.rows, names)),
        heads=Code(factor_to_c(product_of(problem.extents[1:]), names)),
    )


def padded(features: int, step: int) -> int:
    """FEATURES rounded up to a multiple of STEP."""
    return -(-features // step) * step


def _batch_axes(problem: AttentionProblem, signature: Signature) -> tuple[EntryAxis, ...]:
    """The dimensions of the batch, outermost first."""
    return tuple(
        EntryAxis(Identifier(f"b{number}"), Code(factor_to_c(extent, signature.symbols)))
        for number, extent in enumerate(problem.extents)
    )


def _staged_spec(
    problem: AttentionProblem,
    operand: Operand,
    signature: Signature,
    features: int,
    wide: int,
    target: ArchSpec,
) -> MatrixSpec:
    """The spec of OPERAND, whose tiles are staged with WIDE columns."""
    staging = staging_of(StagedOperand(operand.dtype, operand.vector, in_pieces=True), target)
    matrix = _matrix_spec(problem, operand, signature, features, wide)
    return replace(matrix, staged_by=staging.template, arrives_by=staging.arrival)


def _matrix_spec(
    problem: AttentionProblem,
    operand: Operand,
    signature: Signature,
    features: int,
    wide: int,
    stored: int | None = None,
) -> MatrixSpec:
    """The spec of OPERAND, padded to WIDE columns; for the result, STORED bounds its vectorized stores."""
    names = signature.symbols
    own = "" if problem.sequences is None else f"Offset(first_row) * {factor_to_c(operand.row, names)}"
    vector = operand.vector if stored is None else min(operand.vector, stored)
    buffers = signature.inputs if stored is None else signature.outputs
    return MatrixSpec(
        name=Identifier(buffers[operand.index]),
        type=Identifier(c_type(operand.dtype)),
        base=_base(operand, names, own),
        row=Code(factor_to_c(operand.row, names)),
        column=Code(factor_to_c(operand.column, names)),
        features=features,
        padded=wide,
        vector=vector,
        bytes=vector * operand.dtype.bytes,
        size=operand.dtype.bytes,
        staged_by=None,
        arrives_by=None,
        rows_first=operand.column != 1 and operand.row == 1,
    )


def _mask_spec(mask: Operand, fill: float, signature: Signature) -> MaskSpec:
    """The spec of MASK, which is loaded in pairs of keys where these are adjacent in memory."""
    names = signature.symbols
    return MaskSpec(
        name=Identifier(signature.inputs[mask.index]),
        type=Identifier(c_type(mask.dtype)),
        boolean=mask.dtype == BOOL,
        base=_base(mask, names),
        row=Code(factor_to_c(mask.row, names)),
        column=Code(factor_to_c(mask.column, names)),
        vector=min(mask.vector, 2),
        shared_row=mask.row == 0,
        fill=Code(literal(fill, F32)),
    )


def _base(operand: Operand, names: dict[str, str], own: str = "") -> Code:
    """The offset of the matrix of batch entry (b0, b1, ..) in elements, as C text; OWN is added to it."""
    parts = [*_terms(operand.offset, operand.batch, names), *([own] if own else [])]
    return Code(" + ".join(parts) or "0")


def _terms(offset: Dim, steps: Sequence[Dim], names: dict[str, str]) -> list[str]:
    parts = [dim_to_c(offset, names)] if offset != 0 else []
    for number, step in enumerate(steps):
        if step != 0:
            factor = factor_to_c(step, names)
            parts.append(f"Offset(b{number})" + ("" if factor == "1" else f" * {factor}"))
    return parts
