"""How near a kernel comes to what its GPU can do: the larger of its arithmetic's and its memory's time.

The peaks are those of a typical board of each generation at its boost clock, dense, from the
vendor's architecture whitepapers: they serve to compare kernels, not to rate boards.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...codegen.targets import target_named
from .facts import Launch

# Compute capability: FLOPs per multiprocessor and clock in fp32 and (of fp16) on tensor cores, clock in Hz.
_GENERATIONS = {
    75: (128, 1024, 1.59e9),
    80: (128, 2048, 1.41e9),
    86: (256, 1024, 1.70e9),
    89: (256, 1024, 2.52e9),
    90: (256, 4096, 1.78e9),
    100: (256, 8192, 1.97e9),
    120: (256, 1024, 2.41e9),
}


@dataclass(frozen=True)
class Peaks:
    """Most FLOPs per second in fp32 and on tensor cores, most bytes per second."""

    target: str
    fp32: float
    tensor: float
    bandwidth: float

    @staticmethod
    def of(name: str) -> Peaks:
        """The peaks of a target such as `sm_90a`; an unknown generation has those of the one before."""
        target = target_named(name)
        known = max((number for number in _GENERATIONS if number <= target.sm), default=75)
        fp32, tensor, clock = _GENERATIONS[known]
        rate = target.multiprocessors * clock
        return Peaks(name, fp32 * rate, tensor * rate, target.bytes_per_second)

    def seconds(self, launch: Launch) -> float:
        """The least time LAUNCH can take; its memory alone counts where its FLOPs are unknown."""
        peak = self.tensor * launch.tensor if launch.tensor else self.fp32
        return max((launch.flops or 0) / peak, launch.bytes / self.bandwidth)
