"""The kernel families of convolutions of few channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ....dialects.graph.convolution import Conv
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import bind, find_contraction, widest_vector
from ..contraction.tile_product import MOST_CANDIDATES, TILED
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .config import FewChannelsConfig, illegal, shapes
from .cost import microseconds
from .loads import image_loads
from .problem import image_of, line_of
from .product import WindowProduct
from .spec import TEMPLATE, few_channels_spec, launch


@dataclass(frozen=True, kw_only=True)
class FewChannelsFamily(ConfiguredFamily[FewChannelsConfig]):
    """Convolutions of few channels on tensor cores, by `product`: an image's pixels are read as they lie in
    memory, in any layout, and converted once."""

    rank: Rank = Rank.TENSOR_CORES
    saturates: bool = True
    accumulation: Accumulation = TILED
    config_type: Callable[..., FewChannelsConfig] = FewChannelsConfig
    product: WindowProduct

    @classmethod
    def of(cls, product: WindowProduct) -> FewChannelsFamily:
        """The family of PRODUCT."""
        return cls(name=product.name, needs_features=product.needs_features, product=product)

    def candidates(self, request: Request) -> list[Candidate]:
        contraction = find_contraction(request)
        image = None if contraction is None else image_of(contraction, request.target)
        if image is None or isinstance(image, str):
            return []
        priced = [
            self.candidate(config, microseconds(image, config, self.product, request.target))
            for config in shapes(image, request.target, self.product.narrowest)
        ]
        return sorted(priced, key=lambda candidate: candidate.microseconds)[:MOST_CANDIDATES]

    def reads_any_layout(self, op: Conv, operands: DType) -> bool:
        return line_of(op, operands) is not None

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction, own = find_contraction(request), self.configured(config)
        image = "no contraction" if contraction is None else image_of(contraction, request.target)
        if contraction is None or isinstance(image, str):
            raise ValueError(image)
        reason = illegal(image, own, request.target)
        if reason is not None or own.block_n % self.product.narrowest:
            raise ValueError(reason or "the columns do not divide among the instructions")
        signature = make_signature(request)
        vector = min(widest_vector(request, image.problem.n), own.block_n // 4)
        binding = bind(request, contraction, vector, signature)
        loads = image_loads(request, contraction, image, signature)
        spec = few_channels_spec(image, own, binding, loads, self.product, request.writes[0].dtype.bytes)
        geometry = launch(image, own, request.target)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, own.resident, spec.header)
