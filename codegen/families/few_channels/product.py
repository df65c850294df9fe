"""The instructions that multiply windows of an image by weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from ...arch.features import Feature
from ...arch.fitted import Throughput
from ...text.render import Identifier, Template


@dataclass(frozen=True, kw_only=True)
class WindowProduct:
    """One kind of instruction: the name of its family, its template, and the features that it needs.

    header: of its intrinsics; narrowest: the fewest columns that it takes at a time; rate: FLOPs a clock with
    16-bit operands; weights_read: how often the warps of a tile read the weights from shared memory;
    registers: of a thread for these, where it holds them.
    """

    name: str
    template: Template
    needs_features: frozenset[Feature]
    header: Identifier
    narrowest: int
    rate: Callable[[Throughput], float]
    weights_read: int
    registers: int


WGMMA = WindowProduct(
    name="few_channels_wgmma",
    template=Template("lib/few_channels/wgmma.cu.j2"),
    needs_features=frozenset({Feature.WGMMA}),
    header=Identifier("wgmma_registers"),
    narrowest=8,
    rate=attrgetter("wgmma"),
    weights_read=1,
    registers=0,
)
MMA = WindowProduct(
    name="few_channels_mma",
    template=Template("lib/few_channels/mma.cu.j2"),
    needs_features=frozenset({Feature.LDMATRIX}),
    header=Identifier("glass"),
    narrowest=16,
    rate=attrgetter("mma"),
    weights_read=4,
    registers=16,
)
