"""The spec of chained contractions for their template."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.dtypes import DType
from ...request.describe import title
from ...request.request import Geometry, Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..contraction.binding import bound
from ..contraction.epilogue import EpilogueSpec
from ..contraction.spec import KernelBinding
from ..contraction.wgmma import GROUP, ROWS, STEP_BYTES
from ..persistent.config import CONSUMER_REGISTERS, PRODUCER_REGISTERS
from ..persistent.interleave import vector_of
from ..persistent.operands import BulkOperand
from ..persistent.spec import BulkTileSpec, ResultsSpec, column_pitch, header
from .chain import ContractionChain, Leaving
from .config import ChainedConfig, Room
from .pair import Half

TEMPLATE = "kernels/chained.cu.j2"


@dataclass(frozen=True)
class ChainedTileSpec:
    """A tile of an operand in shared memory: `panels` of `panel_bytes`, each with a line for every row or
    column.

    bytes: of all of it; first: the innermost coordinate of the operand's first element; interleave: see
    `BulkOperand`.
    """

    type: Identifier
    element_bytes: int
    first: int
    line: int
    panels: int
    panel_bytes: int
    bytes: int
    interleave: int = 0

    @property
    def line_elements(self) -> int:
        """Elements of k in a line."""
        return self.line // self.element_bytes


@dataclass(frozen=True)
class PartSpec:
    """One of the two contractions: `block_n` columns of accumulators, n results.

    b: its weights for a chunk; steps: products along k for each tile of these; chunks: into which the columns
    of accumulators divide when they are finished; map: of the results; b_map: of the weights.
    """

    accumulate: Identifier
    n: int
    block_n: int
    a_type: Identifier
    b: ChainedTileSpec
    steps: int
    chunks: int
    epilogue: EpilogueSpec
    results: ResultsSpec
    map: Identifier
    b_map: Identifier


@dataclass(frozen=True)
class ChainedSpec:
    """The spec of chained contractions. Offsets of shared memory are in bytes; see `Room`, `ChainedConfig`.

    chunks: of the first result; kept: whether all weights stay; early: whether no kernel writes weights.
    """

    name: Identifier
    title: Code
    parameters: Code
    header: Identifier
    m: Code
    m_is_known: bool
    groups: int
    consumers: int
    threads: int
    stages: int
    buffers: int
    buffer_bytes: int
    slots: int
    chunks: int
    kept: bool
    early: bool
    turned: bool
    weights_at: int
    buffers_at: int
    barriers_at: int
    a: ChainedTileSpec
    first: PartSpec
    second: PartSpec

    @property
    def producer_registers(self) -> int:
        """Registers of a thread of the warpgroup that copies."""
        return PRODUCER_REGISTERS

    @property
    def consumer_registers(self) -> int:
        """Registers of a thread that multiplies."""
        return CONSUMER_REGISTERS[self.groups]

    @property
    def slot_bytes(self) -> int:
        """Weights of a chunk."""
        return self.first.b.bytes + self.second.b.bytes

    @property
    def parts(self) -> tuple[PartSpec, PartSpec]:
        """The two contractions."""
        return self.first, self.second


def chained_spec(
    request: Request,
    chain: ContractionChain,
    leavings: tuple[Leaving, Leaving],
    config: ChainedConfig,
    signatures: tuple[Signature, Signature, Signature],
) -> ChainedSpec:
    """The spec of CHAIN, which is REQUEST, under CONFIG.

    LEAVINGS: how the results leave; SIGNATURES: of the kernel, and of either half.
    """
    extents, pair = chain.extents, chain.pair
    room = Room(extents, config)
    problem = pair.first.contraction.problem
    signature, *own = signatures
    first = part_spec(
        pair.first, leavings[0], own[0], ("first_map", "b_map"), room.chunk, room.columns,
        tile_spec(leavings[0].b, room.chunk, extents.panels, room.first),
        -(-extents.k * extents.a_bytes // STEP_BYTES),
    )  # fmt: skip
    second = part_spec(
        pair.second, leavings[1], own[1], ("second_map", "second_b_map"),
        extents.block_n, room.second_columns,
        tile_spec(leavings[1].b, extents.block_n, 1, room.second),
        config.line // STEP_BYTES,
    )  # fmt: skip
    return ChainedSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        header=Identifier(header(problem)),
        m=Code(dim_to_c(extents.m, signature.symbols)),
        m_is_known=isinstance(extents.m, int),
        groups=config.groups,
        consumers=config.consumers,
        threads=config.threads,
        stages=config.stages,
        buffers=config.buffers,
        buffer_bytes=room.buffer,
        slots=config.slots,
        chunks=room.chunks,
        kept=room.kept,
        early=problem.b_is_weight and pair.second.contraction.problem.b_is_weight,
        turned=config.turned > 0,
        weights_at=room.weights,
        buffers_at=room.buffers,
        barriers_at=room.barriers,
        a=tile_spec(chain.a, ROWS, extents.panels, room.rows),
        first=first,
        second=second,
    )


def part_spec(
    half: Half,
    leaving: Leaving,
    signature: Signature,
    maps: tuple[str, str],
    block_n: int,
    columns: int,
    weights: ChainedTileSpec,
    steps: int,
) -> PartSpec:
    """The part HALF, whose results go by LEAVING; MAPS: the names of those of results and of weights.

    COLUMNS: where epilogue operands of columns lie; WEIGHTS: those of a chunk, of STEPS products along k.
    """
    problem, results = half.contraction.problem, leaving.results
    vector = vector_of(results, leaving.chunk)
    binding = bound(half.request, half.contraction, vector, signature, results.epilogue)
    pitch = column_pitch(binding)
    residual = results.residual
    n = problem.n
    assert isinstance(n, int)
    return PartSpec(
        accumulate=Identifier(c_type(problem.accumulate)),
        n=n,
        block_n=block_n,
        a_type=Identifier(c_type(problem.a)),
        b=weights,
        steps=steps,
        chunks=block_n // leaving.chunk,
        epilogue=_epilogue(binding, problem.accumulate, leaving.chunk, n % block_n > 0),
        results=ResultsSpec(
            result=BulkTileSpec(Identifier(c_type(results.result.dtype)), results.result.first),
            residual=BulkTileSpec(Identifier(c_type(residual.dtype)), residual.first) if residual else None,
            element_bytes=results.result.dtype.bytes,
            chunk=leaving.chunk,
            buffers=0,
            columns=columns if pitch else 0,
            column_pitch=pitch,
            together=1,
        ),
        map=Identifier(maps[0]),
        b_map=Identifier(maps[1]),
    )


def _epilogue(binding: KernelBinding, accumulate: DType, chunk: int, n_checked: bool) -> EpilogueSpec:
    """The epilogue of 64 rows of a chunk by a warpgroup."""
    return EpilogueSpec(
        accumulate=Identifier(c_type(accumulate)),
        vector=binding.vector,
        block_m=ROWS,
        columns=chunk // binding.vector,
        threads=GROUP,
        splits=1,
        cluster=1,
        groups=1,
        pitch=chunk,
        m_checked=False,
        n_checked=n_checked,
        code=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
    )


def tile_spec(operand: BulkOperand, lines: int, panels: int, size: int) -> ChainedTileSpec:
    """The tile of OPERAND with LINES for each of PANELS, which takes SIZE bytes."""
    return ChainedTileSpec(
        type=Identifier(c_type(operand.dtype)),
        element_bytes=operand.dtype.bytes,
        first=operand.first,
        line=operand.line,
        panels=panels,
        panel_bytes=lines * operand.line,
        bytes=size,
        interleave=operand.interleave,
    )


def launch(m: Dim, config: ChainedConfig, shared: int, multiprocessors: int) -> Geometry:
    """One block on each of MULTIPROCESSORS, or fewer if M rows are fewer tiles."""
    tiles = ceildiv(m, config.block_m)
    blocks = min(tiles, multiprocessors) if isinstance(tiles, int) else multiprocessors
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), shared)
