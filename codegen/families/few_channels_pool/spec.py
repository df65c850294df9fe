"""The spec of a convolution of few channels with a pool for its template, and its launch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, ceildiv
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ...text.affine_c import factor_to_c
from ...text.literals import lowest
from ...text.render import Code
from ..contraction.problem import COPY_BYTES
from ..contraction.spec import KernelBinding
from ..few_channels.config import Patch
from ..few_channels.loads import ImageLoads
from ..few_channels.problem import Image
from ..few_channels.product import WindowProduct
from ..few_channels.spec import KEPT_BYTES, FewChannelsSpec, few_channels_spec, patch_fields
from ..few_channels.steps import loads_of, steps_of
from .config import (
    SUM_BYTES,
    PoolConfig,
    carried_bytes,
    has_left,
    parts,
    pooled_patch,
    runs_of,
    shared_bytes,
    unit_chunks,
)
from .problem import PooledImage, PoolSide

TEMPLATE = "kernels/few_channels_pool.cu.j2"
LOADED_REGISTERS = 48  # of a thread, for what it loads of an image before it uses it
VECTOR_SUMS = 4  # that a thread passes on at a time


@dataclass(frozen=True)
class PoolSideSpec:
    """Height or width for templates: `out` maxima, in `units` units after the first `lead`; the first output
    of the convolution is cell `shift`. reaches_back: windows have the last cell of the unit before theirs.

    There are `parts` runs, `apart` units apart. checked: cells may be no outputs.
    """

    out: Code
    units: Code
    lead: int
    shift: int
    reaches_back: bool
    parts: Code
    apart: int
    checked: bool


@dataclass(frozen=True)
class FewChannelsPoolSpec:
    """The spec of the kernel: the convolution `conv`, whose tiles are those of a band, and the pool.

    units: of a warp in a band; left: in the patch, before those of all warps; step: bytes from the windows of
    a unit to those of the next; behind: from those of its first column to those of the second; values: sums
    of a thread for an output; carried: sums in shared memory that bands pass on; lowest: what is beyond the
    edges.
    """

    conv: FewChannelsSpec
    height: PoolSideSpec
    width: PoolSideSpec
    runs: Code
    bands: int
    units: int
    left: int
    step: int
    behind: int
    values: int
    carried: int
    lowest: Code

    @property
    def vectors(self) -> int:
        """Vectors of results of a thread."""
        return self.conv.vectors

    @property
    def keeps_along(self) -> bool:
        """Whether a thread keeps the epilogue operands that all rows share, for all its vectors."""
        along = self.conv.along
        return along is not None and along.bytes * self.vectors <= KEPT_BYTES

    @property
    def carried_vector(self) -> int:
        """Sums of a vector that bands pass on."""
        return min(self.values, VECTOR_SUMS)


def few_channels_pool_spec(
    pooled: PooledImage, config: PoolConfig, binding: KernelBinding, loads: ImageLoads, product: WindowProduct
) -> FewChannelsPoolSpec:
    """The spec of the convolution and pool of POOLED under CONFIG, which must be legal, by PRODUCT."""
    image, names = pooled.image, binding.names
    line, patch = image.line, pooled_patch(pooled, config)
    overlap = int(pooled.height.reaches_back)
    return FewChannelsPoolSpec(
        conv=_convolution(image, patch, config, binding, loads, product),
        height=_side(pooled.height, config.height, overlap, pooled.height.leaves(image.height), names),
        width=_side(pooled.width, config.width, 0, pooled.width.leaves(image.width), names),
        runs=Code(factor_to_c(runs_of(pooled, config), names)),
        bands=config.bands,
        units=config.units,
        left=int(has_left(pooled, config)),
        step=unit_chunks(image) * COPY_BYTES,
        behind=patch.copy_bytes if line.phases > 1 else line.step * COPY_BYTES,
        values=config.values,
        carried=carried_bytes(pooled, config) // SUM_BYTES,
        lowest=Code(lowest(image.problem.accumulate)),
    )


def _convolution(
    image: Image,
    patch: Patch,
    config: PoolConfig,
    binding: KernelBinding,
    brought: ImageLoads,
    product: WindowProduct,
) -> FewChannelsSpec:
    """The convolution alone, with PATCH and the windows in that."""
    steps, places = steps_of(image, patch)
    loads, patterns = loads_of(places)
    alone = few_channels_spec(image, config.tiles, binding, brought, product, out_bytes=1)
    alone = replace(
        alone,
        steps=steps,
        loads=loads,
        patterns=patterns,
        alternates=False,
        **patch_fields(patch),
    )
    return replace(alone, together=_together(alone, image.problem.a_stored.bytes))


def _together(alone: FewChannelsSpec, bytes: int) -> int:
    """Lines that a thread loads before it uses the first, of elements of BYTES: all, if it has registers."""
    vector = -(-alone.line.unit * bytes // 4)
    trips = -(-alone.patch_lines * alone.lanes // alone.threads)
    return max(1, min(trips, LOADED_REGISTERS // (alone.trips * alone.channels * vector)))


def _side(side: PoolSide, span: int, overlap: int, checked: bool, names: dict[str, str]) -> PoolSideSpec:
    return PoolSideSpec(
        out=Code(factor_to_c(side.out, names)),
        units=Code(factor_to_c(side.units, names)),
        lead=side.lead,
        shift=side.shift,
        reaches_back=side.reaches_back,
        parts=Code(factor_to_c(parts(side, span, overlap), names)),
        apart=span - overlap,
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
