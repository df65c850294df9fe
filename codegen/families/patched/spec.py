"""The spec of convolutions over patches for their template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import ceildiv
from ...request.describe import title
from ...request.request import Geometry, Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..contraction.binding import Contraction, bound
from ..contraction.epilogue import EpilogueSpec
from ..contraction.spec import KernelBinding
from ..contraction.wgmma import GROUP, ROWS, STEP_BYTES
from ..persistent.config import BUFFER_BYTES, CONSUMER_REGISTERS, PRODUCER_REGISTERS
from ..persistent.interleave import vector_of
from ..persistent.operands import BulkOperand
from ..persistent.results import BulkResults
from ..persistent.spec import BulkTileSpec, ResultsSpec, column_pitch, header
from .config import PatchConfig, PatchRoom, blocks_of, parts_of, tiles_of
from .patch import EDGE, PatchedConvolution, PatchExtents

TEMPLATE = "kernels/patched.cu.j2"


@dataclass(frozen=True)
class PatchSpec:
    """The image for templates: patches of `lines` lines of `line` bytes for each pixel.

    pitch: pixels from a line of the image to the next; first: the innermost coordinate of its first element;
    panel: bytes of a line of all pixels; panel_room: where the next begins; bytes: of all.
    """

    type: Identifier
    element_bytes: int
    first: int
    line: int
    lines: int
    pitch: int
    panel: int
    panel_room: int
    bytes: int

    @property
    def line_elements(self) -> int:
        """Channels in a line."""
        return self.line // self.element_bytes

    @property
    def steps(self) -> int:
        """Products along k of a line that is not the last."""
        return self.line // STEP_BYTES


@dataclass(frozen=True)
class PatchWeightsSpec:
    """Weights for templates: `tiles`, a line for each column of a tap's line of channels, `bytes` each.

    own: bytes that come of each; dims: of their map; taps: whether one counts taps; first, interleave: see
    `BulkOperand`.
    """

    type: Identifier
    element_bytes: int
    first: int
    tiles: int
    bytes: int
    own: int
    dims: int
    taps: bool
    interleave: int


@dataclass(frozen=True)
class PatchedSpec:
    """The spec of a convolution over patches. Offsets of shared memory are in bytes; see `PatchRoom`,
    `PatchConfig`.

    across, down: tiles along a line and below each other; parts: of columns; steps_of_last: products along k
    of the last line of a pixel; chunks: into which the columns of accumulators divide when they are finished.
    """

    name: Identifier
    title: Code
    parameters: Code
    header: Identifier
    accumulate: Identifier
    n: int
    block_n: int
    parts: int
    groups: int
    consumers: int
    threads: int
    high: int
    wide: int
    stages: int
    buffers: int
    turned: bool
    early: bool
    taps: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    steps_of_last: int
    tiles: Code
    tiles_known: bool
    down: Code
    across: Code
    weights_at: int
    buffers_at: int
    barriers_at: int
    a: PatchSpec
    b: PatchWeightsSpec
    epilogue: EpilogueSpec
    results: ResultsSpec
    chunks: int

    @property
    def producer_registers(self) -> int:
        """Registers of a thread of the warpgroup that copies."""
        return PRODUCER_REGISTERS

    @property
    def consumer_registers(self) -> int:
        """Registers of a thread that multiplies."""
        return CONSUMER_REGISTERS[self.groups]

    @property
    def buffer_bytes(self) -> int:
        """Shared memory for a chunk of results."""
        return BUFFER_BYTES

    @property
    def edge(self) -> int:
        """Pixels along a line, and lines, of a product's rows."""
        return EDGE


def patched_spec(
    request: Request,
    contraction: Contraction,
    convolution: PatchedConvolution,
    leaving: tuple[BulkResults, BulkOperand],
    config: PatchConfig,
    signature: Signature,
) -> PatchedSpec:
    """The spec of CONVOLUTION, the CONTRACTION of REQUEST, under CONFIG.

    LEAVING: the results, and the weights in the order of these; SIGNATURE: of the kernel.
    """
    problem, extents = contraction.problem, convolution.extents
    results, b = leaving
    room, names = PatchRoom(extents, config), signature.symbols
    vectors = b.interleave > 0
    vector = vector_of(results, config.block_n) if vectors else 2
    binding = bound(request, contraction, vector, signature, results.epilogue)
    chunk = results.chunk(config.block_n)
    tiles = tiles_of(extents, config)
    return PatchedSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        header=Identifier(header(problem)),
        accumulate=Identifier(c_type(problem.accumulate)),
        n=extents.n,
        block_n=config.block_n,
        parts=parts_of(extents, config.block_n),
        groups=config.groups,
        consumers=config.consumers,
        threads=config.threads,
        high=config.high,
        wide=config.wide,
        stages=config.stages,
        buffers=config.buffers,
        turned=config.turned > 0,
        early=problem.b_is_weight,
        taps=extents.taps,
        dilations=extents.dilations,
        before=extents.before,
        steps_of_last=extents.last_steps,
        tiles=Code(dim_to_c(tiles, names)),
        tiles_known=isinstance(tiles, int),
        down=_count(extents.height, EDGE * config.high, names),
        across=_count(extents.width, EDGE * config.wide, names),
        weights_at=room.weights,
        buffers_at=room.buffers,
        barriers_at=room.barriers,
        a=_patch(convolution, room),
        b=_weights(b, room),
        epilogue=_epilogue(contraction, binding, chunk, extents.n % config.block_n > 0),
        results=_results(results, room, binding, chunk, vectors),
        chunks=config.block_n // chunk,
    )


def _count(size: object, by: int, names: Mapping[str, str]) -> Code:
    return Code(factor_to_c(ceildiv(size, by), names))  # type: ignore[arg-type]


def _patch(convolution: PatchedConvolution, room: PatchRoom) -> PatchSpec:
    a = convolution.a
    return PatchSpec(
        type=Identifier(c_type(a.dtype)),
        element_bytes=a.dtype.bytes,
        first=a.first,
        line=a.line,
        lines=convolution.extents.lines,
        pitch=room.pixels[1],
        panel=room.panel,
        panel_room=room.panel_room,
        bytes=room.patch,
    )


def _weights(b: BulkOperand, room: PatchRoom) -> PatchWeightsSpec:
    return PatchWeightsSpec(
        type=Identifier(c_type(b.dtype)),
        element_bytes=b.dtype.bytes,
        first=b.first,
        tiles=room.tiles,
        bytes=room.tile,
        own=room.config.block_n * b.line,
        dims=len(b.dims),
        taps=b.taps,
        interleave=b.interleave,
    )


def _results(
    results: BulkResults, room: PatchRoom, binding: KernelBinding, chunk: int, vectors: bool
) -> ResultsSpec:
    residual, pitch = results.residual, column_pitch(binding) if vectors else 0
    return ResultsSpec(
        result=BulkTileSpec(Identifier(c_type(results.result.dtype)), results.result.first),
        residual=BulkTileSpec(Identifier(c_type(residual.dtype)), residual.first) if residual else None,
        element_bytes=results.result.dtype.bytes,
        chunk=chunk,
        buffers=room.config.buffers,
        columns=room.columns if pitch else 0,
        column_pitch=pitch,
        together=1,
    )


def _epilogue(contraction: Contraction, binding: KernelBinding, chunk: int, n_checked: bool) -> EpilogueSpec:
    """The epilogue of 64 pixels of a chunk by a warpgroup."""
    return EpilogueSpec(
        accumulate=Identifier(c_type(contraction.problem.accumulate)),
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


def launch(extents: PatchExtents, config: PatchConfig, multiprocessors: int) -> Geometry:
    """One block on each of MULTIPROCESSORS, or fewer if there are fewer tiles."""
    tiles, parts = tiles_of(extents, config), parts_of(extents, config.block_n)
    most = blocks_of(extents, config, multiprocessors)
    blocks = min(tiles * parts, most) if isinstance(tiles, int) else most
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), PatchRoom(extents, config).bytes)
