"""The spec of a convolution of few channels with a pool for its template, and its launch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, ceildiv
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ...text.affine_c import factor_to_c
from ...text.literals import lowest
from ...text.render import Code
from ..contraction.spec import KernelBinding
from ..few_channels.problem import Image
from ..few_channels.product import WindowProduct
from ..few_channels.spec import KEPT_BYTES, FewChannelsSpec, few_channels_spec
from .config import (
    SUM_BYTES,
    PoolConfig,
    carried_bytes,
    met_bytes,
    parts,
    pooled_patch,
    runs_of,
    shared_bytes,
)
from .problem import PooledImage, PoolSide
from .windows import WalkSpec, walk_of

TEMPLATE = "kernels/few_channels_pool.cu.j2"
LOADED_REGISTERS = 72  # of a thread, for what it loads of an image before it uses it
VECTOR_SUMS = 4  # that a thread passes on at a time


@dataclass(frozen=True)
class PoolSideSpec:
    """Height or width for templates: `out` maxima, in `units` units after the first `lead`; the first output
    of the convolution is cell `shift`. reaches_back: windows have the last cell of the unit before theirs.

    span: units of a run, of which there are `parts`, `apart` units apart. checked: cells may be no outputs.
    """

    out: Code
    units: Code
    lead: int
    shift: int
    reaches_back: bool
    span: int
    parts: Code
    apart: int
    checked: bool


@dataclass(frozen=True)
class FewChannelsPoolSpec:
    """The spec of the kernel: the convolution `conv`, whose tiles are those of a band; the pool; how a warp
    goes through a band.

    carried, met: sums in shared memory that bands and warps pass on; lowest: what is beyond the edges.
    """

    conv: FewChannelsSpec
    height: PoolSideSpec
    width: PoolSideSpec
    walk: WalkSpec
    runs: Code
    bands: int
    units: int
    values: int
    keeps_windows: bool
    carried: int
    met: int
    lowest: Code

    @property
    def kept(self) -> int:
        """Maxima of a thread: of the values of two lines, half each."""
        return self.values // 2

    @property
    def vectors(self) -> int:
        """Vectors of results of a thread."""
        return self.conv.vectors // 2

    @property
    def keeps_along(self) -> bool:
        """Whether a thread keeps the epilogue operands that all rows share, for all its vectors."""
        along = self.conv.along
        return along is not None and along.bytes * self.vectors <= KEPT_BYTES

    @property
    def met_vector(self) -> int:
        """Sums of a vector that warps pass on."""
        return min(self.values, VECTOR_SUMS)

    @property
    def carried_vector(self) -> int:
        """Sums of a vector that bands pass on."""
        return min(self.kept, VECTOR_SUMS)


def few_channels_pool_spec(
    pooled: PooledImage, config: PoolConfig, binding: KernelBinding, product: WindowProduct
) -> FewChannelsPoolSpec:
    """The spec of the convolution and pool of POOLED under CONFIG, which must be legal, by PRODUCT."""
    image, names = pooled.image, binding.names
    walk = walk_of(image, pooled_patch(image, config), bool(config.keeps))
    carried, met = carried_bytes(pooled, config), met_bytes(pooled, config)
    return FewChannelsPoolSpec(
        conv=_convolution(image, config, binding, product, walk),
        height=_side(pooled.height, config.height, pooled.height.leaves(image.height), names),
        width=_side(pooled.width, config.width, pooled.width.leaves(image.width), names),
        walk=walk,
        runs=Code(factor_to_c(runs_of(pooled, config), names)),
        bands=config.bands,
        units=config.units,
        values=config.values,
        keeps_windows=bool(config.keeps),
        carried=carried // SUM_BYTES,
        met=met // SUM_BYTES,
        lowest=Code(lowest(image.problem.accumulate)),
    )


def _convolution(
    image: Image, config: PoolConfig, binding: KernelBinding, product: WindowProduct, walk: WalkSpec
) -> FewChannelsSpec:
    """The convolution alone, with the patch and the windows of CONFIG."""
    patch = pooled_patch(image, config)
    alone = few_channels_spec(image, config.tiles, binding, product, out_bytes=1)
    return replace(
        alone,
        steps=walk.steps,
        loads=walk.loads,
        patterns=walk.patterns,
        planes=patch.planes,
        plane_lines=patch.plane_lines,
        pitch=patch.pitch,
        copy_bytes=patch.copy_bytes,
        patch_bytes=patch.bytes,
        alternates=False,
        together=_together(alone, image.problem.a_stored.bytes),
    )


def _together(alone: FewChannelsSpec, bytes: int) -> int:
    """Lines that a thread loads before it uses the first, of elements of BYTES: all, if it has registers."""
    vector = -(-alone.line.unit * bytes // 4)
    trips = -(-alone.patch_lines * alone.lanes // alone.threads)
    return max(1, min(trips, LOADED_REGISTERS // (alone.trips * alone.channels * vector)))


def _side(side: PoolSide, span: int, checked: bool, names: dict[str, str]) -> PoolSideSpec:
    return PoolSideSpec(
        out=Code(factor_to_c(side.out, names)),
        units=Code(factor_to_c(side.units, names)),
        lead=side.lead,
        shift=side.shift,
        reaches_back=side.reaches_back,
        span=span,
        parts=Code(factor_to_c(parts(side, span), names)),
        apart=span - side.reaches_back,
        checked=checked,
    )


def launch(pooled: PooledImage, config: PoolConfig, target: ArchSpec) -> Geometry:
    """As many blocks as TARGET has room for, or fewer where there are fewer runs."""
    columns, runs = ceildiv(pooled.image.problem.n, config.block_n), runs_of(pooled, config)
    room = target.multiprocessors * config.resident
    if isinstance(columns, int):
        room = max(1, room // columns)
    blocks: Dim = min(runs, room) if isinstance(runs, int) else room
    return Geometry((blocks, columns, 1), (config.threads, 1, 1), shared_bytes(pooled, config))
