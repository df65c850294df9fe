"""The spec of bottlenecks for their template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...request.describe import title
from ...request.request import Geometry, Request
from ...request.signature import Signature, make_signature
from ...text.render import Code, Identifier
from ..chained.spec import ChainedTileSpec, PartSpec, part_spec, tile_spec
from ..contraction.wgmma import STEP_BYTES
from ..patched.config import tiles_of
from ..patched.spec import PatchedSpec, patched_spec
from ..persistent.spec import ResultsSpec, header
from .block import Bottleneck, Leavings
from .config import BottleneckConfig, BottleneckExtents, BottleneckRoom

TEMPLATE = "kernels/bottleneck.cu.j2"
MAPS = (("first_map", "first_b_map"), ("second_map", "second_b_map"))  # of results and of weights


@dataclass(frozen=True)
class BottleneckSpec:
    """The spec of a convolution and the products behind it. Offsets of shared memory are in bytes; see
    `BottleneckRoom`, `BottleneckConfig`.

    stage_bytes: of a patch, or of what takes its place; turns: see `BottleneckConfig`; chunks: of the
    first result; a: the results of the convolution in shared memory.
    """

    name: Identifier
    title: Code
    parameters: Code
    header: Identifier
    groups: int
    consumers: int
    threads: int
    stage_bytes: int
    buffers: int
    buffer_bytes: int
    chunks: int
    turns: bool
    weights_at: int
    buffers_at: int
    barriers_at: int
    a: ChainedTileSpec
    head: PatchedSpec
    first: PartSpec
    second: PartSpec | None

    @property
    def kept(self) -> bool:
        """Whether all weights stay, which a chain alone may have come and go."""
        return True

    @property
    def slot_bytes(self) -> int:
        """Weights of a chunk."""
        return self.first.b.bytes + (self.second.b.bytes if self.second else 0)

    @property
    def parts(self) -> tuple[PatchedSpec | PartSpec, ...]:
        """The contractions."""
        products = (self.first,) if self.second is None else (self.first, self.second)
        return (self.head, *products)


def bottleneck_spec(
    request: Request, block: Bottleneck, leavings: Leavings, config: BottleneckConfig, signature: Signature
) -> BottleneckSpec:
    """The spec of BLOCK, which is REQUEST, under CONFIG. SIGNATURE: of the kernel."""
    extents, parts = block.extents, block.parts
    room = BottleneckRoom(extents, config)
    first, *rest = _products(block, leavings, room)
    mid = replace(block.weights[0], dtype=parts.first.contraction.problem.a, first=0, line=extents.line)
    a = tile_spec(replace(mid, interleave=0), room.panel // extents.line, extents.panels, room.stage)
    return BottleneckSpec(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        header=Identifier(header(parts.head.contraction.problem)),
        groups=config.groups,
        consumers=config.consumers,
        threads=config.threads,
        stage_bytes=room.stage,
        buffers=config.buffers,
        buffer_bytes=room.buffer,
        chunks=room.chunks,
        turns=config.turns,
        weights_at=room.weights,
        buffers_at=room.buffers,
        barriers_at=room.barriers,
        a=a,
        head=_head(block, leavings, room),
        first=first,
        second=rest[0] if rest else None,
    )


def _head(block: Bottleneck, leavings: Leavings, room: BottleneckRoom) -> PatchedSpec:
    """The convolution, with its weights and its columns where ROOM has them."""
    half, config = block.parts.head, room.config.head(block.extents.head.n)
    signature = make_signature(half.request)
    made = patched_spec(
        half.request, half.contraction, block.convolution, leavings.head, config, signature
    )
    results = _placed(made, room.columns[0], block.extents)
    early = all(part.contraction.problem.b_is_weight for part in block.parts.all)
    return replace(made, weights_at=room.taps, early=early, results=results)


def _products(block: Bottleneck, leavings: Leavings, room: BottleneckRoom) -> list[PartSpec]:
    """The products, whose weights and columns are where ROOM has them."""
    extents, line = block.extents, room.config.line
    sizes = (
        (room.chunk, room.chunk, extents.panels, room.first, extents.panels * extents.line),
        (extents.block_n, extents.block_n, 1, room.second, line),
    )
    found = [
        part_spec(
            half, leaving, make_signature(half.request), maps, block_n, columns,
            tile_spec(leaving.b, lines, panels, size), depth // STEP_BYTES,
        )
        for half, leaving, maps, columns, (block_n, lines, panels, size, depth) in zip(
            block.parts.products, leavings.products, MAPS, room.columns[1:], sizes, strict=False
        )
    ]  # fmt: skip
    return [replace(part, results=_placed(part, part.results.columns, extents)) for part in found]


def _placed(part: PatchedSpec | PartSpec, columns: int, extents: BottleneckExtents) -> ResultsSpec:
    """The results of PART with operands of columns at COLUMNS, if they have room there."""
    pitch = part.results.column_pitch
    staged = 0 < pitch <= part.epilogue.vector * extents.column_bytes
    return replace(part.results, columns=columns if staged else 0, column_pitch=pitch if staged else 0)


def launch(extents: BottleneckExtents, config: BottleneckConfig, multiprocessors: int) -> Geometry:
    """One block on each of MULTIPROCESSORS, or fewer if there are fewer tiles."""
    tiles = tiles_of(extents.head, config.head(extents.head.n))
    blocks = min(tiles, multiprocessors) if isinstance(tiles, int) else multiprocessors
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), BottleneckRoom(extents, config).bytes)
