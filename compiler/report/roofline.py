"""The roofline of a GPU: a kernel takes at least the larger of its compute time and its memory time.

The peaks are those of a typical board of each generation at its boost clock, for dense operands, from the
vendor's architecture whitepapers. They serve to compare kernels, not to rate boards.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...codegen.interface import ArchSpec
from .launches import LaunchFacts


@dataclass(frozen=True)
class Peaks:
    """Peak rates of a GPU: FLOPs per second in fp32 and on tensor cores (f16), bytes per second of memory."""

    target: str
    fp32: float
    tensor: float
    bandwidth: float

    @staticmethod
    def of(arch: ArchSpec) -> Peaks:
        """The peaks of ARCH."""
        rate = arch.multiprocessors * arch.card.boost
        tensor = arch.card.tensor
        return Peaks(arch.name, tensor.f32 * rate, tensor.f16 * rate, arch.bytes_per_second)

    def seconds(self, launch: LaunchFacts) -> float:
        """The least time, in seconds, that LAUNCH can take; by memory alone where its FLOPs are unknown."""
        peak = self.tensor * launch.tensor if launch.tensor else self.fp32
        return max((launch.flops or 0) / peak, launch.bytes / self.bandwidth)
