"""The kernel family of chained contractions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...arch.features import Feature
from ...request.parameters import TensorMapParameter
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.tile_product import MOST_CANDIDATES
from ..contraction.wgmma import ROWS
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from ..persistent.results import RESIDUAL_MAP
from .chain import ContractionChain, Leaving, find_chain, first_leaving, second_leaving
from .config import ChainedConfig, Room, configurations, illegal
from .cost import microseconds
from .spec import TEMPLATE, chained_spec, launch

SUMS = Accumulation(tiled=True)


@dataclass(frozen=True, kw_only=True)
class ChainedFamily(ConfiguredFamily[ChainedConfig]):
    """Two matrix products on Hopper, of which the second multiplies the results of the first before they have
    left the multiprocessor: those are stored, and not loaded again."""

    name: str = "contraction_chained"
    rank: Rank = Rank.SPECIAL_CASE
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA, Feature.TMA, Feature.IM2COL})
    saturates: bool = True
    turns: bool = True
    chains: bool = True
    accumulation: Accumulation = SUMS
    config_type: Callable[..., ChainedConfig] = ChainedConfig

    def candidates(self, request: Request) -> list[Candidate]:
        chain = find_chain(request)
        if isinstance(chain, str):
            return []
        found = [
            self.candidate(config, microseconds(chain.extents, config, request.target))
            for config in configurations(chain.extents, request.target.shared_bytes)
            if not isinstance(_leavings(chain, config), str)
        ]
        return sorted(found, key=lambda each: each.microseconds)[:MOST_CANDIDATES]

    def realize(self, request: Request, config: Config) -> KernelCode:
        chain, own = find_chain(request), self.configured(config)
        if isinstance(chain, str):
            raise ValueError(chain)
        reason = illegal(chain.extents, own, request.target.shared_bytes)
        leavings = _leavings(chain, own) if reason is None else reason
        if isinstance(leavings, str):
            raise ValueError(leavings)
        signature = make_signature(request, (), maps(request, chain, leavings, own))
        halves = (chain.pair.first.request, chain.pair.second.request)
        signatures = (signature, make_signature(halves[0]), make_signature(halves[1]))
        spec = chained_spec(request, chain, leavings, own, signatures)
        room = Room(chain.extents, own)
        geometry = launch(chain.extents.m, own, room.bytes, request.target.multiprocessors)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1, spec.header)


def _leavings(chain: ContractionChain, config: ChainedConfig) -> tuple[Leaving, Leaving] | str:
    """How the results of CHAIN leave under CONFIG; why they cannot."""
    try:
        chunk = Room(chain.extents, config).chunk
        second, extents = chain.pair.second, chain.extents
        return first_leaving(chain, chunk), second_leaving(
            second, chain.second_b, extents.block_n, config.line
        )
    except ValueError as error:
        return str(error)


def maps(
    request: Request, chain: ContractionChain, leavings: tuple[Leaving, Leaving], config: ChainedConfig
) -> list[TensorMapParameter]:
    """The tensor maps of CHAIN, which is REQUEST: the first operand, weights, the residual, the results."""
    arguments = request.region.arguments
    halves, room = (chain.pair.first, chain.pair.second), Room(chain.extents, config)
    roots = [half.contraction.root for half in halves]
    places = [
        half.request.region.arguments.index(root.inputs[1]) for half, root in zip(halves, roots, strict=True)
    ]
    a = chain.pair.first.request.region.arguments.index(roots[0].inputs[0])
    assert max(*places, a) < len(arguments)
    first, second = (leaving.results for leaving in leavings)
    found = [
        TensorMapParameter("a_map", chain.a.map(a, ROWS)),
        TensorMapParameter("b_map", leavings[0].b.map(places[0], room.chunk)),
        TensorMapParameter("second_b_map", leavings[1].b.map(places[1], chain.extents.block_n)),
        first.result.map("first_map", leavings[0].chunk),
        second.result.map("second_map", leavings[1].chunk),
    ]
    return [*found, first.residual.map(RESIDUAL_MAP, leavings[0].chunk)] if first.residual else found
