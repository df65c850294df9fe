"""What bulk copies bring and take of a bottleneck, if they can."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim
from ...emit.tile_epilogue import PAIR
from ...request.request import Request
from ...request.signature import make_signature
from ..chained.chain import Leaving, leaving, refused, second_leaving
from ..chained.pair import Half
from ..contraction.wgmma import COLUMNS
from ..patched.patch import PatchedConvolution, at_optimum, find_convolution
from ..persistent.config import COLUMN_BYTES
from ..persistent.family import leaving as head_leaving
from ..persistent.operands import BulkOperand, operand_b
from ..persistent.results import BulkResults, pixel_tile
from .config import BottleneckConfig, BottleneckExtents, BottleneckRoom
from .parts import BottleneckParts, find_parts


@dataclass(frozen=True)
class Bottleneck:
    """A convolution, and the products of its results, as kernels see them; weights: those of the products."""

    parts: BottleneckParts
    convolution: PatchedConvolution
    weights: tuple[BulkOperand, ...]
    extents: BottleneckExtents

    @property
    def priced(self) -> BottleneckExtents:
        """The extents at the sizes that kernels are tuned for."""
        head = at_optimum(self.extents.head, self.parts.head.contraction.problem)
        return replace(self.extents, head=head)


@dataclass(frozen=True)
class Leavings:
    """How results leave, and weights in the order of these: of the convolution, to where the first product
    reads them, and of the products."""

    head: tuple[BulkResults, BulkOperand]
    products: tuple[Leaving, ...]


def find_bottleneck(request: Request) -> Bottleneck | str:
    """The bottleneck that REQUEST is; why it is none that kernels compute."""
    parts = find_parts(request)
    if parts is None:
        return "it is no convolution with products behind it"
    whole = make_signature(request)
    for half in parts.all:
        own = make_signature(half.request)
        if (own.index_type, own.symbols) != (whole.index_type, whole.symbols):
            return "the code of a part would name other parameters than those of the kernel"
    convolution = find_convolution(parts.head.request, parts.head.contraction, request.target)
    if isinstance(convolution, str):
        return convolution
    weights = []
    for half in parts.products:
        reason = refused(half, request)
        b = operand_b(half.contraction.problem) if reason is None else reason
        if isinstance(b, str):
            return b
        weights.append(b)
    first, *rest = (half.results() for half in parts.products)
    if first is None or convolution.results.residual is not None:
        return "a result does not leave in bulk, or something is read beside the convolution"
    if any(results is None or results.residual is not None for results in rest):
        return "the second result does not leave in bulk, or something is read beside it"
    extents = _extents(parts, convolution, first)
    return extents if isinstance(extents, str) else Bottleneck(parts, convolution, tuple(weights), extents)


def _extents(
    parts: BottleneckParts, convolution: PatchedConvolution, first: BulkResults
) -> BottleneckExtents | str:
    head, results = convolution.extents, convolution.results
    if head.n not in COLUMNS or head.n * head.result_bytes % results_line(results, head.n):
        return "the columns of the convolution are not those of one product, or no whole lines"
    second = parts.second
    return BottleneckExtents(
        head=head,
        n=_known(parts.first.contraction.problem.n),
        columns=0 if second is None else _known(second.contraction.problem.n),
        line=results_line(results, head.n),
        first_bytes=first.result.dtype.bytes,
        second_bytes=0 if second is None else second.request.writes[0].dtype.bytes,
        residual=first.residual is not None,
        column_bytes=max(_column_bytes(half) for half in parts.all),
    )


def results_line(results: BulkResults, columns: int) -> int:
    """Bytes of a row of RESULTS, of so many COLUMNS, that are finished together."""
    return results.chunk(columns) * results.result.dtype.bytes


def _column_bytes(half: Half) -> int:
    """Bytes of the epilogue operands of a column of HALF in shared memory, as `column_pitch` places them."""
    results = half.results()
    along = results.epilogue.along if results else None
    own = along.bytes // PAIR if along else 0
    pad = half.request.writes[0].dtype.bytes
    return own + pad if 0 < own + pad <= COLUMN_BYTES else 0


def _known(size: Dim) -> int:
    assert isinstance(size, int)
    return size


def leavings(block: Bottleneck, config: BottleneckConfig) -> Leavings | str:
    """How the results of BLOCK leave under CONFIG; why they cannot."""
    extents, parts = block.extents, block.parts
    head, convolution = parts.head, block.convolution
    chunk = BottleneckRoom(extents, config).chunk
    results, b = head_leaving(
        head.request, head.contraction, convolution.results, extents.head.n, convolution.b, pixel_tile
    )
    assert results is not None
    try:
        own = [leaving(parts.first, replace(block.weights[0], line=extents.line), chunk, chunk)]
        if parts.second is not None:
            own += [second_leaving(parts.second, block.weights[1], extents.block_n, config.line)]
    except ValueError as error:
        return str(error)
    return Leavings((results, b), tuple(own))

