"""Tables of known hardware: limits by generation, and cards with their published figures.

Sources of the limits: CUDA programming guide, "Technical specifications per compute capability". Sources of
the cards: NVIDIA's architecture whitepapers "A100 Tensor Core GPU", "Ampere GA102 GPU", "Ada GPU", "H100
Tensor Core GPU", "RTX Blackwell GPU", and the datasheets of L40S, H200, B200 and Jetson AGX Orin. The clock
and the bandwidth of the H200 are measured; other cards are assumed to reach the same share of their published
bandwidth.
"""

from __future__ import annotations

from .fitted import MEASURED, MEASURED_CLOCK, Fitted, Throughput
from .spec import Card, Limits, Rates

KIB, MIB = 1 << 10, 1 << 20
SUSTAINED = 4.0 / 4.8  # sustained share of the published bandwidth, as measured on the H200


def _limits(shared: int, threads: int, blocks: int, cluster: int = 1, largest: int = 1) -> Limits:
    """Limits of a multiprocessor with SHARED KiB of shared memory; the system reserves 1 KiB per block."""
    return Limits((shared - 1) * KIB, shared * KIB, threads, blocks, cluster=cluster, largest_cluster=largest)


# By the first compute capability that they hold for.
LIMITS = {
    80: _limits(164, 2048, 32),
    86: _limits(100, 1536, 16),
    87: _limits(164, 1536, 16),
    89: _limits(100, 1536, 24),
    90: _limits(228, 2048, 32, cluster=8, largest=16),
    100: _limits(228, 2048, 32, cluster=8, largest=16),
    120: _limits(100, 1536, 24),
}


def _card(
    name: str, title: str, multiprocessors: int, boost: float, bandwidth: float, l2: float, tensor: Rates
) -> Card:
    """A card by its published figures: BOOST in GHz, BANDWIDTH in TB/s, L2 in MiB."""
    peak = bandwidth * 1e12
    bytes_ = int(l2 * MIB)
    clock = boost * 1e9
    return Card(name, title, multiprocessors, clock, clock, peak, peak * SUSTAINED, bytes_, tensor)


_AMPERE = Rates(f32=128, f16=2048, tf32=1024, i8=4096)
_GA102 = Rates(f32=256, f16=1024, tf32=512, i8=2048)
_ORIN = Rates(f32=256, f16=2048, tf32=1024, i8=4096)
_ADA = Rates(f32=256, f16=1024, tf32=512, i8=2048, f8=2048)
_HOPPER = Rates(f32=256, f16=4096, tf32=2048, i8=8192, f8=8192)
_BLACKWELL = Rates(f32=256, f16=8192, tf32=4096, i8=16384, f8=16384)
_RTX_BLACKWELL = Rates(f32=256, f16=512, tf32=256, i8=2048, f8=1024)

H200 = Card(
    name=MEASURED,
    title="H200",
    multiprocessors=132,
    clock=MEASURED_CLOCK,
    boost=1.78e9,
    peak_bytes_per_second=4.8e12,
    bytes_per_second=4.0e12,
    l2_bytes=50 * MIB,
    tensor=_HOPPER,
)
# By compute capability. The first card of each is the default for a target that names no card.
CARDS = {
    80: (_card("a100", "A100-SXM4-80GB", 108, 1.41, 2.039, 40, _AMPERE),),
    86: (_card("a40", "A40", 84, 1.74, 0.696, 6, _GA102),),
    87: (_card("orin", "Orin", 16, 1.30, 0.2048, 4, _ORIN),),
    89: (_card("l40s", "L40S", 142, 2.52, 0.864, 96, _ADA),),
    90: (
        H200,
        _card("h100", "H100 80GB HBM3", 132, 1.83, 3.35, 50, _HOPPER),
        _card("h100-pcie", "H100 PCIe", 114, 1.62, 2.0, 50, _HOPPER),
    ),
    100: (_card("b200", "B200", 148, 1.85, 8.0, 126, _BLACKWELL),),
    120: (_card("rtx5090", "GeForce RTX 5090", 170, 2.407, 1.792, 96, _RTX_BLACKWELL),),
}

# By the first compute capability. The rates of other generations than the H200's are shares of the published.
FITTED = {
    80: Fitted(Throughput(shared_bandwidth=128.0, mma=2048.0, simt=100.0, card="")),
    86: Fitted(Throughput(shared_bandwidth=128.0, mma=1024.0, simt=200.0, card="")),
    87: Fitted(Throughput(shared_bandwidth=128.0, mma=2048.0, simt=200.0, card="")),
    89: Fitted(Throughput(shared_bandwidth=128.0, mma=1024.0, simt=200.0, card="")),
    90: Fitted(Throughput(shared_bandwidth=128.0, mma=2600.0, simt=200.0, wgmma=4096.0)),
    120: Fitted(Throughput(shared_bandwidth=128.0, mma=512.0, simt=200.0, card="")),
}
LEAST = min(LIMITS)  # kernels need cp.async and NaN-propagating max
