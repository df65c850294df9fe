"""The spec of an inverted residual for its template, and its launch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim
from ...arch.spec import ArchSpec
from ...emit.early_reads import StructCode
from ...emit.tile_epilogue import PAIR, emit_tile_epilogue
from ...request.describe import title
from ...request.request import Geometry, Request
from ...request.signature import Signature, make_signature
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..contraction.binding import bind, spaces_of
from ..contraction.part import Part
from .block import InvertedResidual
from .extents import InvertedConfig, WindowSide
from .room import InvertedRoom

TEMPLATE = "kernels/inverted_residual.cu.j2"
VECTOR = 4  # neighbouring results of a thread


@dataclass(frozen=True)
class WindowSideSpec:
    """Height or width for templates: see `WindowSide`. span: outputs of a tile, of which there are
    `tiles`."""

    out: int
    size: int
    taps: int
    stride: int
    pad: int
    span: int
    tiles: int

    @property
    def ragged(self) -> bool:
        """Whether the last tile has outputs that are none."""
        return self.out % self.span > 0


@dataclass(frozen=True)
class ResidualPartSpec:
    """One contraction: its weights `b`, of `b_type`, whose first element is `b_offset`, and what becomes of
    `vector` neighbouring sums (`epilogue`), with the operands along columns and beside results."""

    a_type: Identifier
    b: Identifier
    b_type: Identifier
    b_offset: Code
    b_step: Code
    accumulate: Identifier
    vector: int
    epilogue: Code
    along: StructCode | None
    beside: StructCode | None


@dataclass(frozen=True)
class InvertedResidualSpec:
    """The spec of the kernel. Places in shared memory are in bytes; see `InvertedRoom`, `InvertedConfig`."""

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    images: Code
    images_are_known: bool
    a: Identifier
    a_offset: Code
    steps: tuple[int, int, int]
    height: WindowSideSpec
    width: WindowSideSpec
    depth: int
    channels: int
    columns: int
    bytes: int
    early: bool
    resident: int
    config: InvertedConfig
    room: InvertedRoom
    expansion: ResidualPartSpec | None
    depthwise: ResidualPartSpec
    projection: ResidualPartSpec

    @property
    def lanes(self) -> int:
        """Channels of a word."""
        return 4 // self.bytes

    @property
    def unit(self) -> int:
        """Elements of a copy."""
        return 16 // self.bytes

    @property
    def taps(self) -> int:
        """Taps of the window."""
        return self.height.taps * self.width.taps

    @property
    def strip_lines(self) -> int:
        """Lines of a chunk that a strip reads."""
        return (self.config.rows - 1) * self.height.stride + self.height.taps

    @property
    def strip_columns(self) -> int:
        """Columns of a chunk that a strip reads."""
        return (self.config.pixels - 1) * self.width.stride + self.width.taps

    @property
    def holds_columns(self) -> bool:
        """Whether a warp keeps the weights of the expansion of a chunk in registers, for several rows of
        instructions."""
        return self.room.held > 0

    @property
    def channels_checked(self) -> bool:
        """Whether the last chunk has channels that are none."""
        return self.channels < self.room.chunks * self.config.chunk * self.config.splits

    @property
    def columns_checked(self) -> bool:
        """Whether a warp may have columns that are none."""
        return self.columns < self.room.warps_n * self.room.pairs * 16

    @property
    def tiles(self) -> int:
        """Tiles of an image."""
        return self.height.tiles * self.width.tiles


class NotInPlace(ValueError):
    """What is between two contractions is not computed from single sums alone."""


def inverted_residual_spec(
    request: Request, block: InvertedResidual, config: InvertedConfig, signature: Signature
) -> InvertedResidualSpec:
    """The spec of BLOCK, which is REQUEST, under CONFIG, which must be legal. NotInPlace without one."""
    extents = block.extents
    first = block.parts[0]
    room = InvertedRoom(replace(extents, images=extents.batch, offset=0), config)  # without symbols
    buffers = make_signature(first.request).buffers(first.request)
    names = signature.symbols
    return InvertedResidualSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        index_type=Identifier(signature.index_type),
        images=Code(dim_to_c(extents.images, names)),
        images_are_known=isinstance(extents.images, int),
        a=Identifier(buffers[first.contraction.root.inputs[0]]),
        a_offset=Code(factor_to_c(extents.offset, names)),
        steps=extents.steps,
        height=_side(extents.height, config.height),
        width=_side(extents.width, config.width),
        depth=extents.depth,
        channels=extents.channels,
        columns=extents.columns,
        bytes=extents.bytes,
        early=all(part.contraction.problem.b_is_weight for part in block.parts),
        resident=room.resident(request.target),
        config=config,
        room=room,
        expansion=None if block.expansion is None else _inner(block.expansion, PAIR, depthwise=False),
        depthwise=_inner(block.depthwise, extents.lanes, depthwise=True),
        projection=_last(block.projection),
    )


def _side(side: WindowSide, span: int) -> WindowSideSpec:
    return WindowSideSpec(side.out, side.size, side.taps, side.stride, side.pad, span, -(-side.out // span))


def _inner(part: Part, vector: int, depthwise: bool) -> ResidualPartSpec:
    """PART, whose results, VECTOR neighbours each, stay in shared memory."""
    problem, signature = part.contraction.problem, make_signature(part.request)
    index, spaces = spaces_of(part.contraction, depthwise)
    epilogue = emit_tile_epilogue(
        part.request, signature, part.contraction.root, problem.accumulate, index, spaces, vector
    )
    if epilogue is None or epilogue.operand is not None:
        raise NotInPlace("something is read beside what is between two contractions")
    return _part(part, signature, vector, Code("\n".join(epilogue.lines)), epilogue.along, None)


def _last(part: Part) -> ResidualPartSpec:
    """PART, whose results are stored."""
    signature = make_signature(part.request)
    binding = bind(part.request, part.contraction, VECTOR, signature)
    return _part(part, signature, VECTOR, binding.epilogue, binding.along, binding.beside)


def _part(
    part: Part,
    signature: Signature,
    vector: int,
    epilogue: Code,
    along: StructCode | None,
    beside: StructCode | None,
) -> ResidualPartSpec:
    problem, root = part.contraction.problem, part.contraction.root
    return ResidualPartSpec(
        a_type=Identifier(c_type(problem.a)),
        b=Identifier(signature.buffers(part.request)[root.inputs[1]]),
        b_type=Identifier(c_type(problem.b)),
        b_offset=Code(factor_to_c(problem.b_offset, signature.symbols)),
        b_step=Code(factor_to_c(problem.b_n_step, signature.symbols)),
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=vector,
        epilogue=epilogue,
        along=along,
        beside=beside,
    )


def launch(block: InvertedResidual, config: InvertedConfig, target: ArchSpec) -> Geometry:
    """As many blocks as TARGET has room for, or fewer where there are fewer tiles; a cluster for each tile
    where blocks share these."""
    extents = block.extents
    room = InvertedRoom(extents, config)
    tiles = extents.images * extents.tiles(config.height, config.width)
    most = room.resident(target) * target.multiprocessors
    if config.splits > 1:
        cluster = (config.splits, 1, 1)
        return Geometry((tiles * config.splits, 1, 1), (config.threads, 1, 1), room.bytes, cluster)
    blocks: Dim = min(tiles, most) if isinstance(tiles, int) else most
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), room.bytes)
