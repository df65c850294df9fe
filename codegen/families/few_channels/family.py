"""The kernel families of convolutions of few channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....dialects.core.dtypes import DType
from ....dialects.graph.convolution import Conv
from ...arch.spec import ArchSpec
from ...request.request import Candidate, Config, KernelCode, Request
from ...request.signature import make_signature
from ..contraction.binding import Contraction, bind, find_contraction, widest_vector
from ..contraction.tile_product import MOST_CANDIDATES, TILED
from ..kernel_family import Accumulation, ConfiguredFamily, Rank
from .config import FewChannelsConfig, illegal, shapes
from .cost import microseconds
from .problem import Image, image_of, line_of
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
        image = None if contraction is None else self.image(contraction, request.target)
        if image is None or isinstance(image, str):
            return []
        rates = self.product.rates(request.target)
        priced = [
            self.candidate(config, microseconds(image, config, rates, request.target))
            for config in shapes(image, request.target)
            if self.product.divides(config)
        ]
        return sorted(priced, key=lambda candidate: candidate.microseconds)[:MOST_CANDIDATES]

    def reads_any_layout(self, op: Conv, operands: DType) -> bool:
        line = line_of(op, operands)
        return line is not None and self.product.reads(line)

    def image(self, contraction: Contraction, target: ArchSpec) -> Image | str:
        """The image that CONTRACTION reads; why the family does not compute it."""
        image = image_of(contraction, target)
        if isinstance(image, str) or self.product.reads(image.line):
            return image
        return "neighbouring outputs do not begin 16 bytes apart"

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction, own = find_contraction(request), self.configured(config)
        image = "no contraction" if contraction is None else self.image(contraction, request.target)
        if contraction is None or isinstance(image, str):
            raise ValueError(image)
        reason = illegal(image, own, request.target)
        if reason is not None or not self.product.divides(own):
            raise ValueError(reason or "the columns do not divide among the instructions")
        signature = make_signature(request)
        vector = min(widest_vector(request, image.problem.n), own.block_n // 4)
        spec = few_channels_spec(image, own, bind(request, contraction, vector, signature), self.product)
        geometry = launch(image, own, request.target)
        return KernelCode(TEMPLATE, spec, geometry, signature.typed, own.resident, spec.header)
