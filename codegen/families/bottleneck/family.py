"""The kernel family of bottlenecks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...arch.features import Feature
from ...request.parameters import TensorMapParameter
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.tile_product import MOST_CANDIDATES
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from ..persistent.results import RESIDUAL_MAP
from .block import Bottleneck, Leavings, find_bottleneck, leavings
from .config import BottleneckConfig, BottleneckRoom, configurations, illegal
from .cost import microseconds
from .spec import MAPS, TEMPLATE, bottleneck_spec, launch

SUMS = Accumulation(tiled=True)


@dataclass(frozen=True, kw_only=True)
class BottleneckFamily(ConfiguredFamily[BottleneckConfig]):
    """A convolution on Hopper, whose results a matrix product multiplies before they have left the
    multiprocessor, and another one the results of that: what the convolution results in is nowhere stored."""

    name: str = "contraction_bottleneck"
    rank: Rank = Rank.SPECIAL_CASE
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA, Feature.TMA, Feature.IM2COL})
    saturates: bool = True
    turns: bool = True
    heads: bool = True
    accumulation: Accumulation = SUMS
    config_type: Callable[..., BottleneckConfig] = BottleneckConfig

    def candidates(self, request: Request) -> list[Candidate]:
        block = find_bottleneck(request)
        if isinstance(block, str):
            return []
        found = [
            self.candidate(config, microseconds(block.priced, config, request.target))
            for config in configurations(block.extents, request.target.shared_bytes)
            if not isinstance(leavings(block, config), str)
        ]
        return sorted(found, key=lambda each: each.microseconds)[:MOST_CANDIDATES]

    def realize(self, request: Request, config: Config) -> KernelCode:
        block, own = find_bottleneck(request), self.configured(config)
        if isinstance(block, str):
            raise ValueError(block)
        reason = illegal(block.extents, own, request.target.shared_bytes)
        leaving = leavings(block, own) if reason is None else reason
        if isinstance(leaving, str):
            raise ValueError(leaving)
        signature = make_signature(request, (), maps(request, block, leaving, own))
        spec = bottleneck_spec(request, block, leaving, own, signature)
        geometry = launch(block.extents, own, request.target.multiprocessors)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1, spec.header)


def maps(
    request: Request, block: Bottleneck, leaving: Leavings, config: BottleneckConfig
) -> list[TensorMapParameter]:
    """The tensor maps of BLOCK, which is REQUEST: the image, weights, the residual, the results."""
    room, arguments = BottleneckRoom(block.extents, config), request.region.arguments
    a, b = (_place(block, 0, index) for index in (0, 1))
    columns = block.extents.head.n
    found = [
        TensorMapParameter("a_map", block.convolution.a.map(a, *room.patches.pixels)),
        TensorMapParameter("b_map", leaving.head[1].map(b, columns)),
    ]
    tiles = (room.chunk, block.extents.block_n)
    for index, (own, (name, b_name)) in enumerate(zip(leaving.products, MAPS, strict=False)):
        result = replace(own.results.result, operand=len(arguments) + index)
        found += [
            TensorMapParameter(b_name, own.b.map(_place(block, index + 1, 1), tiles[index])),
            result.map(name, own.chunk),
        ]
        if own.results.residual:
            found.append(own.results.residual.map(RESIDUAL_MAP, own.chunk))
    return found


def _place(block: Bottleneck, part: int, operand: int) -> int:
    """The number of the buffer that the contraction PART of BLOCK has as OPERAND."""
    half = block.parts.all[part]
    return half.request.region.arguments.index(half.contraction.root.inputs[operand])
