"""The spec of attention of few queries for its template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.bounds import may_be_empty
from ....dialects.core.dtypes import BOOL, F32
from ....dialects.graph.attention import FAR
from ...request.describe import title
from ...request.request import Geometry, Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type, literal
from ...text.render import Code, Identifier
from ..attention.problem import AttentionProblem, Operand
from ..attention.spec import EntryAxis, StoredSpec, inner_scale, stored_spec
from ..contraction.gather import divides
from .cached import AttendedCaches
from .computed import ComputedSpec, computed_spec
from .config import (
    BARRIER_BYTES,
    QUAD,
    WARP,
    FewQueriesConfig,
    lanes_of,
    line_of,
    own_bytes,
    sent_bytes,
    shared_bytes,
    tile_keys,
    vector_of,
)
from .rows import Rows

MOST_AHEAD = 4  # pieces of the mask that a thread holds in registers
TEMPLATE = "kernels/attention_few.cu.j2"


@dataclass(frozen=True)
class RowsMatrixSpec:
    """An operand or the result: its C name and type, the offset of a batch entry, the strides of keys
    (`row`) and of the dimensions of rows, the stride of features, and how many features there are."""

    name: Identifier
    type: Identifier
    base: Code
    row: Code
    rows: tuple[Code, ...]
    column: Code
    features: int
    vector: int


@dataclass(frozen=True)
class RowsMaskSpec:
    """The mask: it is added, or, if `boolean`, selects between scores and `fill`. `alike`: it is the same
    for all rows; `bounds`: keys behind the last one that it keeps are not read; which that is, is found
    `vector` elements at a time, `piece_step` apart, `pieces` of them where that is known."""

    name: Identifier
    type: Identifier
    boolean: bool
    base: Code
    rows: tuple[Code, ...]
    column: Code
    fill: Code
    vector: int
    piece_step: Code
    pieces: int | None
    alike: bool
    bounds: bool


@dataclass(frozen=True)
class FewQueriesSpec:
    """The spec of attention of few queries.

    sizes: of the dimensions of rows, the queries last; count: all rows; rows: of a block; lanes: threads
    that share a key; keys: of a thread at a time; tile: keys of a block at a time; line: features of a row
    where it is staged; computed: what blocks compute before the keys, where they write caches.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    key_count: Code
    checked: bool
    batch: tuple[EntryAxis, ...]
    sizes: tuple[int, ...]
    count: int
    rows: int
    warps: int
    keys: int
    splits: int
    lanes: int
    vector: int
    tile: int
    line: int
    several: bool
    q: RowsMatrixSpec
    k: RowsMatrixSpec
    v: RowsMatrixSpec
    y: RowsMatrixSpec
    stored: StoredSpec
    mask: RowsMaskSpec | None
    scale: Code
    inner: Code | None
    factor: Code
    far: Code
    rounded: bool
    element: Identifier
    causal: bool
    guarded: bool
    keyless: bool
    computed: ComputedSpec | None

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def row_tiles(self) -> int:
        """Blocks that share the rows of a batch entry."""
        return -(-self.count // self.rows)

    @property
    def lane_steps(self) -> tuple[int, ...]:
        """The distances of the threads of a key that exchange sums."""
        return _powers(1, self.lanes)

    @property
    def group_steps(self) -> tuple[int, ...]:
        """The distances of the threads of different keys that exchange results."""
        return _powers(self.lanes, WARP)

    @property
    def checks_keys(self) -> bool:
        """Whether a tile may reach behind the last key that is read."""
        return self.checked or self.causal or (self.mask is not None and self.mask.bounds)

    @property
    def mask_steps(self) -> int:
        """Pieces of the mask that a thread asks for ahead, where it computes other things meanwhile."""
        if self.computed is None or self.mask is None or not self.mask.bounds or self.mask.pieces is None:
            return 0
        steps = -(-self.mask.pieces // self.threads)
        return steps if steps <= MOST_AHEAD else 0

    @property
    def sent_offset(self) -> int:
        """Where in shared memory what other blocks send begins: with its barrier."""
        return own_bytes(self.warps, self.rows, self.line)

    @property
    def ends_offset(self) -> int:
        """Where in shared memory the end of keys of each warp is."""
        sent = self.sent_bytes + BARRIER_BYTES if self.splits > 1 else 0
        return self.sent_offset + sent

    @property
    def computed_offset(self) -> int:
        """Where in shared memory the queries that the block computes are, with the new key and value."""
        return self.ends_offset + (0 if self.mask is None else self.warps * 4)

    @property
    def sent_bytes(self) -> int:
        """Bytes that the blocks of a cluster send to one of them."""
        return sent_bytes(self.rows, self.line, self.splits)

    @property
    def own_quads(self) -> int:
        """Runs of four results that a block finishes."""
        return self.rows * self.line // QUAD // self.splits


def few_queries_spec(
    request: Request,
    problem: AttentionProblem,
    rows: Rows,
    config: FewQueriesConfig,
    signature: Signature,
    cached: AttendedCaches | None = None,
) -> FewQueriesSpec:
    """The spec of PROBLEM with ROWS under CONFIG; it is that of CACHED, where the kernel writes caches."""
    names, tile = signature.symbols, tile_keys(problem, config)
    inputs, outputs = _inputs(request, signature, cached), signature.outputs
    several = not (isinstance(problem.keys, int) and problem.keys <= tile * config.splits)

    def matrix(operand: Operand, features: int, buffers: Sequence[str]) -> RowsMatrixSpec:
        return RowsMatrixSpec(
            name=Identifier(buffers[operand.index]),
            type=Identifier(c_type(operand.dtype)),
            base=_base(operand, rows, names),
            row=Code(factor_to_c(operand.row, names)),
            rows=tuple(Code(factor_to_c(step, names)) for step in rows.steps(operand)),
            column=Code(factor_to_c(operand.column, names)),
            features=features,
            vector=operand.vector,
        )

    return FewQueriesSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        index_type=Identifier(signature.index_type),
        key_count=Code(dim_to_c(problem.keys, names)),
        # A tile is asked for ahead, also behind the last; blocks of one tile take theirs even without keys.
        checked=several or not divides(tile * config.splits, problem.keys),
        batch=tuple(
            EntryAxis(Identifier(f"b{number}"), Code(factor_to_c(problem.extents[axis], names)))
            for number, axis in enumerate(rows.kept)
        ),
        sizes=rows.sizes,
        count=rows.count,
        rows=config.rows,
        warps=config.warps,
        keys=config.keys,
        splits=config.splits,
        lanes=lanes_of(problem),
        vector=vector_of(problem.math),
        tile=tile,
        line=line_of(problem),
        several=several,
        q=matrix(problem.q, problem.depth, inputs),
        k=matrix(problem.k, problem.depth, inputs),
        v=matrix(problem.v, problem.width, inputs),
        y=matrix(problem.y, problem.width, outputs),
        stored=stored_spec(problem),
        mask=None if problem.mask is None else _mask(problem, rows, names, inputs),
        scale=Code(literal(problem.scale, F32)),
        inner=inner_scale(problem),
        factor=Code(literal(math.log2(math.e), F32)),
        far=Code(literal(FAR * math.log2(math.e), F32)),
        rounded=problem.rounded,
        element=Identifier(c_type(problem.math)),
        causal=problem.causal,
        guarded=problem.guarded,
        keyless=may_be_empty(problem.keys, request.ranges),
        computed=None if cached is None else computed_spec(request, cached, problem, rows, signature),
    )


def _inputs(request: Request, signature: Signature, cached: AttendedCaches | None) -> tuple[str, ...]:
    """C names of the operands of attention; of CACHED, queries that are computed, caches and what is
    given."""
    if cached is None:
        return signature.inputs
    buffers = signature.buffers(request)
    caches = (buffers[write.cache] for write in (cached.keys, cached.values))
    return ("queries", *caches, *(buffers[value] for value in cached.given))


def _powers(first: int, end: int) -> tuple[int, ...]:
    """FIRST and its doubles before END."""
    return (first, *_powers(2 * first, end)) if first < end else ()


def _mask(
    problem: AttentionProblem, rows: Rows, names: dict[str, str], inputs: Sequence[str]
) -> RowsMaskSpec:
    mask = problem.mask
    assert mask is not None
    boolean = mask.dtype == BOOL
    return RowsMaskSpec(
        name=Identifier(inputs[mask.index]),
        type=Identifier(c_type(mask.dtype)),
        boolean=boolean,
        base=_base(mask, rows, names),
        rows=tuple(Code(factor_to_c(step, names)) for step in rows.steps(mask)),
        column=Code(factor_to_c(mask.column, names)),
        fill=Code(literal(problem.fill, F32)),
        vector=mask.vector,
        piece_step=Code(factor_to_c(mask.column * mask.vector, names)),
        pieces=problem.keys // mask.vector if isinstance(problem.keys, int) else None,
        alike=rows.alike(mask),
        bounds=rows.alike(mask) and mask.column != 0 and (not boolean or problem.fill == -math.inf),
    )


def _base(operand: Operand, rows: Rows, names: dict[str, str]) -> Code:
    """The offset of batch entry (b0, b1, ..) in elements."""
    parts = [dim_to_c(operand.offset, names)] if operand.offset != 0 else []
    for number, step in enumerate(rows.entry_steps(operand)):
        if step != 0:
            factor = factor_to_c(step, names)
            parts.append(f"Offset(b{number})" + ("" if factor == "1" else f" * {factor}"))
    return Code(" + ".join(parts) or "0")


def launch(problem: AttentionProblem, rows: Rows, config: FewQueriesConfig) -> Geometry:
    """The launch geometry: blocks of a batch entry follow each other; those of a cluster share keys."""
    blocks = rows.entries(problem) * -(-rows.count // config.rows)
    shared = shared_bytes(problem, rows, config)
    return Geometry((blocks, config.splits, 1), (config.threads, 1, 1), shared, (1, config.splits, 1))
