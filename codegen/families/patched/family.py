"""The kernel family of convolutions over patches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...request.parameters import TensorMapParameter
from ...request.request import Candidate, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import Contraction
from ..contraction.families import ContractionFamily
from ..contraction.tile_product import MOST_CANDIDATES
from ..kernel_family import Accumulation, Rank
from ..persistent.family import leaving
from ..persistent.operands import BulkOperand
from ..persistent.results import BulkResults, pixel_tile
from .config import PatchConfig, PatchRoom, configurations, illegal
from .cost import microseconds
from .patch import PatchedConvolution, at_optimum, find_convolution
from .spec import TEMPLATE, launch, patched_spec

SUMS = Accumulation(tiled=True)


@dataclass(frozen=True, kw_only=True)
class PatchedFamily(ContractionFamily[PatchConfig]):
    """Convolutions of few channels on Hopper: a pixel is copied once for all taps, which are products of the
    same patch from another pixel on; weights stay in shared memory."""

    name: str = "contraction_patched"
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA, Feature.TMA})
    groupable: bool = False
    saturates: bool = True
    turns: bool = True
    rounds_operands: bool = True
    accumulation: Accumulation = SUMS
    config_type: Callable[..., PatchConfig] = PatchConfig

    def unsupported(self, contraction: Contraction, target: ArchSpec) -> str | None:
        return None if contraction.problem.taps > 1 else "a single tap needs no patch"

    def priced(self, request: Request, contraction: Contraction) -> list[Candidate]:
        convolution = find_convolution(request, contraction, request.target)
        if isinstance(convolution, str):
            return []
        sizes = at_optimum(convolution.extents, contraction.problem)
        found = [
            self.candidate(config, microseconds(sizes, config, request.target))
            for config in configurations(convolution.extents, request.target.shared_bytes)
        ]
        return sorted(found, key=lambda each: each.microseconds)[:MOST_CANDIDATES]

    def code(self, request: Request, contraction: Contraction, config: PatchConfig) -> KernelCode:
        convolution = find_convolution(request, contraction, request.target)
        if isinstance(convolution, str):
            raise ValueError(convolution)
        extents = convolution.extents
        reason = illegal(extents, config, request.target.shared_bytes)
        if reason is not None:
            raise ValueError(reason)
        results, b = leaving(
            request, contraction, convolution.results, config.block_n, convolution.b, pixel_tile
        )
        assert results is not None
        own = maps(request, contraction, convolution, (results, b), config)
        signature = make_signature(request, (), own)
        spec = patched_spec(request, contraction, convolution, (results, b), config, signature)
        geometry = launch(extents, config, request.target.multiprocessors)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, 1, spec.header)


def maps(
    request: Request,
    contraction: Contraction,
    convolution: PatchedConvolution,
    leaving: tuple[BulkResults, BulkOperand],
    config: PatchConfig,
) -> list[TensorMapParameter]:
    """The tensor maps of CONVOLUTION: the image, weights, the results, the residual."""
    results, b = leaving
    root, arguments = contraction.root, request.region.arguments
    a_place, b_place = (arguments.index(value) for value in root.inputs)
    return [
        TensorMapParameter(
            "a_map", convolution.a.map(a_place, *PatchRoom(convolution.extents, config).pixels)
        ),
        TensorMapParameter("b_map", b.map(b_place, config.block_n)),
        *results.maps(config.block_n),
    ]
