"""What the attention template is given: a product with its softmax, the staged operands, the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ....dialects.core.affine import Dim, may_be_empty
from ....dialects.core.dtypes import BOOL, F32
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type, literal
from ...text.render import Code, Identifier
from ..contraction.gather import divides
from ..contraction.staging import LEAST_ASYNCHRONOUS
from .problem import AttentionProblem, Operand


class AttentionTemplate(Enum):
    """The ways to make scores and results."""

    MMA = "lib/attention/mma.cu.j2"
    SIMT = "lib/attention/simt.cu.j2"


@dataclass(frozen=True)
class AttentionProduct:
    """How the threads of a block multiply queries, keys and values; each way has fields of its own.

    A block has `block_s` queries and takes `block_t` keys at a time, their features in whole steps; a
    thread stores at most `most_stored` elements at a time.
    """

    template: AttentionTemplate
    threads: int
    block_s: int
    block_t: int
    depth_step: int
    width_step: int
    most_stored: int


@dataclass(frozen=True)
class EntryAxis:
    """One of the dimensions of the batch: its index variable and extent."""

    name: Identifier
    extent: Code


@dataclass(frozen=True)
class MatrixSpec:
    """An operand as the template reads it: base and row step in elements; `features` columns of
    `padded`, moved `vector` at a time, by cp.async when `asynchronous`."""

    name: Identifier
    type: Identifier
    base: Code
    row: Code
    column: Code
    features: int
    padded: int
    vector: int
    bytes: int
    asynchronous: bool
    rows_first: bool


@dataclass(frozen=True)
class MaskSpec:
    """The mask: added as it is, or `boolean`; `shared_row` when all queries have the same; `fill`
    is what scores become where a boolean is false."""

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
class AttentionSpec:
    """An attention kernel, for its template.

    `element` is the type of all staged tiles; `checked` says whether tiles may reach past the keys, `keyless`
    whether there may be none.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    element: Identifier
    queries: Code
    key_count: Code
    checked: bool
    batch: tuple[EntryAxis, ...]
    product: AttentionProduct
    q: MatrixSpec
    k: MatrixSpec
    v: MatrixSpec
    y: MatrixSpec
    mask: MaskSpec | None
    scale: Code
    causal: bool
    guarded: bool
    keyless: bool


def attention_spec(
    request: Request, problem: AttentionProblem, product: AttentionProduct, signature: Signature
) -> AttentionSpec:
    """The spec of PROBLEM by PRODUCT."""
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
        checked=not divides(product.block_t, problem.keys),
        batch=_batch_axes(problem, signature),
        product=product,
        q=_matrix_spec(problem.q, signature, problem.depth, depth),
        k=_matrix_spec(problem.k, signature, problem.depth, depth),
        v=_matrix_spec(problem.v, signature, problem.width, width),
        y=_matrix_spec(problem.y, signature, problem.width, width, stored=product.most_stored),
        mask=None if problem.mask is None else _mask_spec(problem.mask, problem.fill, signature),
        scale=Code(literal(problem.scale, F32)),
        causal=problem.causal,
        guarded=problem.guarded,
        keyless=may_be_empty(problem.keys, request.ranges),
    )


def padded(features: int, step: int) -> int:
    """FEATURES in whole STEPs."""
    return -(-features // step) * step


def _batch_axes(problem: AttentionProblem, signature: Signature) -> tuple[EntryAxis, ...]:
    """The dimensions of the batch, outermost first."""
    return tuple(
        EntryAxis(Identifier(f"b{number}"), Code(factor_to_c(extent, signature.symbols)))
        for number, extent in enumerate(problem.extents)
    )


def _matrix_spec(
    operand: Operand, signature: Signature, features: int, wide: int, stored: int | None = None
) -> MatrixSpec:
    """OPERAND with WIDE columns in shared memory; an output when it is STORED, at most so many at a time."""
    names = signature.symbols
    vector = operand.vector if stored is None else min(operand.vector, stored)
    buffers = signature.inputs if stored is None else signature.outputs
    copied = vector * operand.dtype.bytes
    return MatrixSpec(
        name=Identifier(buffers[operand.index]),
        type=Identifier(c_type(operand.dtype)),
        base=_base(operand, names),
        row=Code(factor_to_c(operand.row, names)),
        column=Code(factor_to_c(operand.column, names)),
        features=features,
        padded=wide,
        vector=vector,
        bytes=copied,
        asynchronous=copied >= LEAST_ASYNCHRONOUS and stored is None,
        rows_first=operand.column != 1 and operand.row == 1,
    )


def _mask_spec(mask: Operand, fill: float, signature: Signature) -> MaskSpec:
    """The mask, read in pairs of keys where they are neighbours."""
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


def _base(operand: Operand, names: dict[str, str]) -> Code:
    """The element at which the matrix of the batch entry (b0, b1, ..) begins."""
    parts = _terms(operand.offset, operand.batch, names)
    return Code(" + ".join(parts) or "0")


def _terms(offset: Dim, steps: Sequence[Dim], names: dict[str, str]) -> list[str]:
    parts = [dim_to_c(offset, names)] if offset != 0 else []
    for number, step in enumerate(steps):
        if step != 0:
            factor = factor_to_c(step, names)
            parts.append(f"Offset(b{number})" + ("" if factor == "1" else f" * {factor}"))
    return parts
