"""The spec of a persistent contraction for its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import F8E5M2
from ...request.request import Geometry
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..contraction.epilogue import PREFETCH_BYTES, EpilogueSpec
from ..contraction.gather import AxisSpec, batch_specs, divides
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.spec import KernelBinding
from ..contraction.tile import SUMS_PADDING, TileSpec, tile_spec, tiles_of
from ..contraction.wgmma import GROUP, LINE_BYTES, ROWS, STEP_BYTES
from .config import (
    ACCUMULATOR_BYTES,
    COLUMN_BYTES,
    CONSUMER_REGISTERS,
    PRODUCER_REGISTERS,
    SLAB,
    PersistentConfig,
    clusters_of,
)
from .depth import line_of, lines_of_k, panels_of, promotes, steps_of_last, tiles_of_k
from .operands import BulkOperand
from .results import BulkResults

TEMPLATE = "kernels/persistent.cu.j2"


@dataclass(frozen=True)
class BulkWindowSpec:
    """A window for templates: the C expressions of the result's height and width, with strides, dilations and
    padding."""

    height: Code
    width: Code
    taps_x: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]


@dataclass(frozen=True)
class BulkSpec:
    """An operand for templates: how its bulk copies address a tile; see `BulkOperand`.

    line: bytes of a line; copies: bulk copies of a stage, each of `slab` elements; dims: of its map; batch:
    the C variables of its batch axes; channels: the first channel of a batch entry is a multiple of it, 0 for
    none; first: the innermost coordinate of the operand's first element; interleave: see `BulkOperand`.
    """

    role: Identifier
    type: Identifier
    element_bytes: int
    tile: TileSpec
    line: int
    copies: int
    slab: int
    dims: int
    taps: bool
    batch: tuple[Identifier, ...]
    channels: int
    first: int
    interleave: int
    window: BulkWindowSpec | None

    @property
    def extent(self) -> str:
        """The operand's own extent: M or N."""
        return "M" if self.role == "a" else "N"

    @property
    def stage_size(self) -> str:
        """The C constant with the elements of one stage."""
        return "A_TILE" if self.role == "a" else "B_TILE"

    @property
    def fragment_bytes(self) -> int:
        """The distance between fragments of 64 rows, in bytes."""
        return ROWS * self.line if self.tile.k_major else self.slab * self.element_bytes

    @property
    def panel_bytes(self) -> int:
        """The distance between the panels of a K-major stage, each of a line for every row."""
        return self.tile.lines * self.line


@dataclass(frozen=True)
class BulkTileSpec:
    """A tensor for templates whose chunks bulk copies bring or take: its type, and its first column."""

    type: Identifier
    first: int


@dataclass(frozen=True)
class ResultsSpec:
    """Results that leave by bulk stores: chunks of 64 rows and `chunk` columns, `buffers` for each warpgroup.

    element_bytes: of a result; residual: what is there before the results, and read beside them; columns:
    where the epilogue operands of columns lie, behind the start of the chunks, vector after vector
    `column_pitch` bytes apart; 0 if each thread reads its own from global memory; together: fragments of a
    warpgroup whose results of the same columns are finished together.
    """

    result: BulkTileSpec
    residual: BulkTileSpec | None
    element_bytes: int
    chunk: int
    buffers: int
    columns: int
    column_pitch: int
    together: int

    @property
    def line(self) -> int:
        """The bytes of a row of a chunk."""
        return self.chunk * self.element_bytes

    @property
    def rows_per_line(self) -> int:
        """The rows of a chunk in 128 bytes, which have one swizzle."""
        return LINE_BYTES // self.line


@dataclass(frozen=True)
class PersistentSpec:
    """The spec of a persistent contraction: sizes, configuration, operands, and the epilogue of a chunk.

    chunks_of_k: lines of k of a tap; last_steps: products of the last of them; results: how they leave in
    bulk; None where threads store them; line: bytes of a line of a tile; panels: lines of k that a stage has
    for each row; kept: tiles of B that stay; turned: see `PersistentConfig`.
    """

    name: Identifier
    title: Code
    parameters: Code
    header: Identifier
    accumulate: Identifier
    promotes: bool
    m: Code
    n: Code
    k_tiles: Code
    k_is_known: bool
    taps: int
    chunks_of_k: Code
    last_steps: int
    batch: tuple[AxisSpec, ...]
    batches: Code
    b_is_weight: bool
    block_m: int
    block_n: int
    block_k: int
    groups: int
    teams: int
    stages: int
    raster: int
    consumers: int
    threads: int
    chunk: int
    results_bytes: int
    a: BulkSpec
    b: BulkSpec
    epilogue: EpilogueSpec
    results: ResultsSpec | None
    cluster: int
    splits: int
    line: int
    panels: int
    kept: int
    turned: bool

    @property
    def producer_registers(self) -> int:
        """Registers of a thread of the warpgroup that copies; 0 where it leaves none to others."""
        return PRODUCER_REGISTERS if self.consumer_registers else 0

    @property
    def consumer_registers(self) -> int:
        """Registers of a thread that multiplies; 0 where it takes none from others."""
        return CONSUMER_REGISTERS.get(self.warpgroups, 0)

    @property
    def warpgroups(self) -> int:
        """Warpgroups that multiply."""
        return self.groups * self.teams

    @property
    def fragments(self) -> int:
        """Fragments of 64 rows that a warpgroup multiplies."""
        return self.block_m // self.groups // ROWS

    @property
    def own_n(self) -> int:
        """Columns of a tile that a block finishes."""
        return self.block_n // self.splits

    @property
    def chunks(self) -> int:
        """Chunks of a fragment, whose accumulators are staged one after the other."""
        return self.own_n // self.chunk

    @property
    def cluster_size(self) -> int:
        """Blocks of a cluster."""
        return self.cluster * self.splits

    @property
    def sums_bytes(self) -> int:
        """Bytes of the sums that the other blocks of a tile send a block."""
        return (self.splits - 1) * self.block_m * self.own_n * ACCUMULATOR_BYTES

    @property
    def pieces(self) -> int:
        """Chunks of all fragments of a warpgroup."""
        return self.fragments * self.chunks

    @property
    def touched(self) -> int:
        """The columns of a tile per L2 cache line of its epilogue operands; 0 without any."""
        beside = self.epilogue.beside
        return min(self.block_n, LINE_BYTES * self.epilogue.vector // beside.bytes) if beside else 0

    @property
    def lines(self) -> int:
        """The L2 cache lines of a tile's row of epilogue operands."""
        return -(-self.block_n // self.touched)

    @property
    def chunks_ahead(self) -> int:
        """The prefetch distance: chunks whose epilogue operands a thread loads ahead; 0 if it lacks the
        registers."""
        beside = self.epilogue.beside
        return int(beside is not None and 2 * self.passes * beside.bytes <= PREFETCH_BYTES)

    @property
    def steps(self) -> int:
        """Products along k of a stage."""
        alone = self.panels == 1 and self.chunks_of_k == "1"
        return self.last_steps if alone else self.panels * self.line // STEP_BYTES

    @property
    def ends(self) -> bool:
        """Whether the last of several lines of a tap, a stage each, has fewer products than the others."""
        whole = self.line // STEP_BYTES
        return not self.promotes and self.panels == 1 and self.chunks_of_k != "1" and self.last_steps < whole

    @property
    def stages_of_tap(self) -> int:
        """The stages of a tap, where one has a line for each row; of a known number of channels."""
        return int(self.chunks_of_k)

    @property
    def one_k_tile(self) -> bool:
        """Whether there is a single tile along k, whatever the sizes."""
        return self.k_is_known and self.k_tiles == "1"

    @property
    def passes(self) -> int:
        """The vectors of a chunk that a thread stores."""
        return ROWS * self.epilogue.columns // GROUP

    @property
    def rows(self) -> int:
        """The rows of a fragment that a warpgroup stores at a time."""
        return GROUP // self.epilogue.columns


def persistent_spec(
    problem: Problem,
    a: BulkOperand,
    b: BulkOperand,
    config: PersistentConfig,
    binding: KernelBinding,
    results: BulkResults | None = None,
) -> PersistentSpec:
    """The spec of PROBLEM, whose operands bulk copies stage as A and B, under CONFIG.

    RESULTS say how bulk copies take the results, where CONFIG has buffers for them.
    """
    leaving = _results(results, config, binding, b.interleave > 0)
    names = binding.names
    k_tiles = tiles_of_k(problem)
    return PersistentSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        header=Identifier(header(problem)),
        accumulate=Identifier(c_type(problem.accumulate)),
        promotes=promotes(problem),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k_tiles=Code(dim_to_c(k_tiles, names)),
        k_is_known=isinstance(k_tiles, int),
        taps=problem.taps,
        chunks_of_k=Code(factor_to_c(_over(lines_of_k(problem), problem.taps), names)),
        last_steps=steps_of_last(problem),
        batch=batch_specs(problem.batch, names),
        batches=Code(factor_to_c(problem.batches, names)),
        b_is_weight=problem.b_is_weight,
        block_m=config.block_m,
        block_n=config.block_n,
        block_k=config.block_k,
        groups=config.groups,
        teams=config.teams,
        stages=config.stages,
        raster=config.raster,
        consumers=config.consumers,
        threads=config.threads,
        chunk=leaving.chunk if leaving else config.chunk,
        results_bytes=config.results_bytes,
        a=_operand("a", a, problem, config, names),
        b=_operand("b", b, problem, config, names),
        epilogue=_epilogue(problem, config, binding),
        results=leaving,
        cluster=config.cluster,
        splits=config.splits,
        line=line_of(problem),
        panels=panels_of(problem),
        kept=config.kept,
        turned=config.turned > 0,
    )


def _results(
    results: BulkResults | None, config: PersistentConfig, binding: KernelBinding, vectors: bool
) -> ResultsSpec | None:
    if not config.buffers:
        return None
    if results is None:
        raise ValueError("threads have to store these results")
    result, residual = results.result, results.residual
    pitch = column_pitch(binding) if vectors else 0
    return ResultsSpec(
        result=BulkTileSpec(Identifier(c_type(result.dtype)), result.first),
        residual=BulkTileSpec(Identifier(c_type(residual.dtype)), residual.first) if residual else None,
        element_bytes=result.dtype.bytes,
        chunk=results.chunk(config.own_n),
        buffers=config.buffers,
        columns=config.chunks_bytes if pitch else 0,
        column_pitch=pitch,
        together=_together(results, config) if pitch else 1,
    )


def _together(results: BulkResults, config: PersistentConfig) -> int:
    """The fragments of a warpgroup that read epilogue operands of columns once, for all of their rows; one
    where there is a residual, which would be asked for too late."""
    fragments = config.block_m // config.groups // ROWS
    return fragments if results.residual is None and config.buffers >= 2 * fragments else 1


def column_pitch(binding: KernelBinding) -> int:
    """The bytes from vector to vector of epilogue operands of columns in shared memory: their own, and as
    many more as bring neighbours to different banks. 0 where they have no room, or fields need padding."""
    along = binding.along
    if along is None or along.bytes % COPY_BYTES or along.bytes // along.fields.count(";") < COPY_BYTES:
        return 0
    pitch = along.bytes + COPY_BYTES
    return pitch if pitch <= binding.vector * COLUMN_BYTES else 0


def header(problem: Problem) -> str:
    """The header with the products of PROBLEM's types."""
    if not problem.a.is_float:
        return "wgmma_integer"
    if F8E5M2 in (problem.a, problem.b):
        return "wgmma_f8_mixed"
    return {1: "wgmma_f8", 2: "wgmma", 4: "wgmma_tf32"}[problem.a.bytes]


def _over(lines: Dim, taps: int) -> Dim:
    return lines // taps if isinstance(lines, int) else lines  # of a matrix product: one tap


def _operand(
    role: str, operand: BulkOperand, problem: Problem, config: PersistentConfig, names: Mapping[str, str]
) -> BulkSpec:
    lines = config.block_m if role == "a" else config.block_n
    dtype = operand.dtype
    tile = tile_spec(dtype, lines, config.block_k, k_major=operand.k_major, swizzled=True, slab=8)
    return BulkSpec(
        role=Identifier(role),
        type=Identifier(c_type(dtype)),
        element_bytes=dtype.bytes,
        tile=tile,
        line=operand.line,
        copies=operand.copies(lines),
        slab=SLAB * config.block_k,
        dims=len(operand.dims),
        taps=operand.taps,
        batch=tuple(Identifier(f"batch_{index}") for index in operand.batch),
        channels=operand.channels,
        first=operand.first,
        interleave=operand.interleave,
        window=_window(operand, names),
    )


def _window(operand: BulkOperand, names: Mapping[str, str]) -> BulkWindowSpec | None:
    window = operand.window
    if window is None:
        return None
    height, width = (Code(factor_to_c(size, names)) for size in window.out)
    return BulkWindowSpec(height, width, window.taps[1], window.strides, window.dilations, window.before)


def _epilogue(problem: Problem, config: PersistentConfig, binding: KernelBinding) -> EpilogueSpec:
    """The epilogue of 64 rows of a chunk by a warpgroup."""
    return EpilogueSpec(
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=binding.vector,
        block_m=ROWS,
        columns=config.chunk // binding.vector,
        threads=GROUP,
        splits=1,
        cluster=1,
        groups=1,
        pitch=config.chunk + SUMS_PADDING,
        m_checked=not divides(config.block_m, problem.m),
        n_checked=not divides(config.block_n, problem.n),
        code=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
    )


def launch(problem: Problem, config: PersistentConfig, multiprocessors: int) -> Geometry:
    """One block on each of MULTIPROCESSORS, or fewer if there are fewer tiles."""
    tiles, most = (
        tiles_of(problem, config.rows, config.block_n),
        clusters_of(problem, config, multiprocessors),
    )
    if config.splits > 1:
        return split_launch(config, tiles)
    clusters = min(tiles, most) if isinstance(tiles, int) else most
    grid, cluster = (clusters * config.cluster, 1, 1), (config.cluster, 1, 1)
    return Geometry(grid, (config.threads, 1, 1), config.shared_bytes, cluster=cluster)


def split_launch(config: PersistentConfig, tiles: Dim) -> Geometry:
    """A cluster for each of so many TILES."""
    grid, cluster = (tiles * config.splits, 1, 1), (config.splits, 1, 1)
    return Geometry(grid, (config.threads, 1, 1), config.shared_bytes, cluster=cluster)
