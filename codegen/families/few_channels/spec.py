"""The spec of a convolution of few channels for its template, and its launch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....dialects.core.affine import ceildiv
from ...arch.spec import ArchSpec
from ...emit.early_reads import StructCode
from ...request.request import Geometry
from ...text.affine_c import factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier, Template
from ..contraction.gather import divides
from ..contraction.problem import COPY_BYTES
from ..contraction.spec import KernelBinding
from ..contraction.wgmma import LINE_BYTES
from ..divisors import divisor
from .config import SIDE, FewChannelsConfig, Patch, patch_of, runs_of, shared_bytes, slot_bytes, weight_bytes
from .loads import ImageLoads
from .problem import Image, Side
from .product import WindowProduct
from .steps import LoadSpec, StepSpec, loads_of, steps_of
from .window import LineOfTaps

TEMPLATE = "kernels/few_channels.cu.j2"
KEPT_BYTES = 64  # register budget of a thread for epilogue operands that all rows share
MOST_LANES = 32  # threads that bring a line of a patch together


@dataclass(frozen=True)
class SideSpec:
    """Height or width for templates: positions of the result, size of the image, distance of its elements;
    the window over it; whether a block may reach past the last position."""

    out: Code
    size: Code
    step: Code
    taps: int
    stride: int
    dilation: int
    pad: int
    checked: bool


@dataclass(frozen=True)
class FewChannelsSpec:
    """The spec of the kernel; sizes as in `Image` and `FewChannelsConfig`, offsets in elements.

    vector: adjacent results of a thread; alternates: every second row stores its vectors in another order;
    segments, bands: runs of tiles along the width, and rows of them; planes: lines of the patch go to each in
    turn; together: lines that a thread loads before it uses the first; careful: an element that is not finite
    would show in products with zero.
    """

    name: Identifier
    title: Code
    parameters: Code
    header: Identifier
    product: Template
    index_type: Identifier
    a: Identifier
    b: Identifier
    type: Identifier
    weight_type: Identifier
    memory_type: Identifier
    accumulate: Identifier
    element_bytes: int
    n: Code
    n_checked: bool
    images: Code
    runs: Code
    bands: Code
    segments: Code
    height: SideSpec
    width: SideSpec
    image_step: Code
    channel_step: Code
    a_offset: Code
    channels: int
    b_offset: Code
    b_step: Code
    b_is_weight: bool
    line: LineOfTaps
    steps: tuple[StepSpec, ...]
    loads: tuple[LoadSpec, ...]
    patterns: tuple[tuple[int, ...], ...]
    odd: bool
    brought: ImageLoads
    careful: bool
    patch_lines: int
    patch_units: int
    planes: int
    plane_lines: int
    pitch: int
    slot_bytes: int
    weight_bytes: int
    copy_bytes: int
    patch_bytes: int
    tiles: int
    block_n: int
    groups: int
    threads: int
    resident: int
    vector: int
    alternates: bool
    epilogue: Code
    along: StructCode | None
    beside: StructCode | None
    together: int = 1

    @property
    def chunk(self) -> int:
        """Elements of a chunk."""
        return COPY_BYTES // self.element_bytes

    @property
    def lanes(self) -> int:
        """The threads that bring a line of the patch together."""
        return min(MOST_LANES, 1 << (self.patch_units - 1).bit_length())

    @property
    def trips(self) -> int:
        """The units of a line that one of them brings, at most."""
        return -(-self.patch_units // self.lanes)

    @property
    def keeps_along(self) -> bool:
        """Whether a thread keeps the epilogue operands that all rows share, for all its vectors."""
        return self.along is not None and self.along.bytes * self.vectors <= KEPT_BYTES

    @property
    def vectors(self) -> int:
        """Vectors of results of a thread, in one row of a tile."""
        return self.block_n // (4 * self.vector)


def patch_fields(patch: Patch) -> dict[str, Any]:
    """The fields of a spec that say how PATCH lies in shared memory."""
    return {
        "patch_lines": patch.lines,
        "patch_units": patch.units,
        "planes": patch.planes,
        "plane_lines": patch.plane_lines,
        "pitch": patch.pitch,
        "copy_bytes": patch.copy_bytes,
        "patch_bytes": patch.bytes,
    }


def few_channels_spec(
    image: Image,
    config: FewChannelsConfig,
    binding: KernelBinding,
    brought: ImageLoads,
    product: WindowProduct,
    out_bytes: int,
) -> FewChannelsSpec:
    """The spec of the convolution of IMAGE, BROUGHT as that says, under CONFIG, which must be legal, by
    PRODUCT.

    An output element has OUT_BYTES bytes.
    """
    problem, names, patch = image.problem, binding.names, patch_of(image, config)
    chunks = image.lines * image.line.chunks
    skips = image.line.skips or chunks % 2 == 1
    run = SIDE * config.tiles
    steps, places = steps_of(image, patch)
    loads, patterns = loads_of(places)
    return FewChannelsSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        header=product.header,
        product=product.template,
        index_type=Identifier("i64" if problem.wide else binding.index_type),
        a=binding.a,
        b=binding.b,
        type=Identifier(c_type(problem.a)),
        weight_type=Identifier(c_type(problem.b)),
        memory_type=Identifier(c_type(problem.a_stored)),
        accumulate=Identifier(c_type(problem.accumulate)),
        element_bytes=problem.a.bytes,
        n=Code(factor_to_c(problem.n, names)),
        n_checked=not divides(config.block_n, problem.n),
        images=Code(factor_to_c(image.images, names)),
        runs=Code(factor_to_c(runs_of(image, config), names)),
        bands=Code(factor_to_c(ceildiv(image.height.out, SIDE), names)),
        segments=Code(factor_to_c(ceildiv(image.width.out, run), names)),
        height=_side(image.height, SIDE, names),
        width=_side(image.width, run, names),
        image_step=Code(factor_to_c(image.image_step, names)),
        channel_step=Code(factor_to_c(image.channel_step, names)),
        a_offset=Code(factor_to_c(problem.a_offset, names)),
        channels=image.channels,
        b_offset=Code(factor_to_c(problem.b_offset, names)),
        b_step=Code(factor_to_c(problem.b_n_step, names)),
        b_is_weight=problem.b_is_weight,
        line=image.line,
        steps=steps,
        loads=loads,
        patterns=patterns,
        odd=chunks % 2 == 1,
        brought=brought,
        careful=skips and problem.a.is_float,
        **patch_fields(patch),
        slot_bytes=slot_bytes(config),
        weight_bytes=weight_bytes(image, config),
        tiles=config.tiles,
        block_n=config.block_n,
        groups=config.groups,
        threads=config.threads,
        resident=config.resident,
        vector=binding.vector,
        alternates=_alternates(image, config, binding.vector, out_bytes),
        epilogue=binding.epilogue,
        along=binding.along,
        beside=binding.beside,
    )


def _alternates(image: Image, config: FewChannelsConfig, vector: int, out_bytes: int) -> bool:
    """Whether all rows that a warp stores at a time would lie in the same half of 128 bytes."""
    half = 4 * vector * out_bytes == LINE_BYTES // 2 and config.block_n % (8 * vector) == 0
    return half and divisor(image.problem.n) * out_bytes * image.line.phases % LINE_BYTES == 0


def _side(side: Side, span: int, names: dict[str, str]) -> SideSpec:
    window = side.window
    return SideSpec(
        out=Code(factor_to_c(side.out, names)),
        size=Code(factor_to_c(side.size, names)),
        step=Code(factor_to_c(side.step, names)),
        taps=window.taps,
        stride=window.stride,
        dilation=window.dilation,
        pad=window.pad,
        checked=not divides(span, side.out),
    )


def launch(image: Image, config: FewChannelsConfig, target: ArchSpec) -> Geometry:
    """As many blocks as TARGET has room for, or fewer where there are fewer runs."""
    columns, runs = ceildiv(image.problem.n, config.block_n), runs_of(image, config)
    room = target.multiprocessors * config.resident
    if isinstance(columns, int):
        room = max(1, room // columns)
    blocks = min(runs, room) if isinstance(runs, int) else room
    return Geometry((blocks, columns, 1), (config.threads, 1, 1), shared_bytes(image, config))
