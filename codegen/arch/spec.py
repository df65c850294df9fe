"""An architecture as a value."""

from __future__ import annotations

from dataclasses import dataclass

from .features import Feature


@dataclass(frozen=True)
class Limits:
    """What a block, a thread and a multiprocessor may have; sizes in bytes, registers of 32 bits.

    Source: CUDA programming guide, "Technical specifications per compute capability".
    """

    shared_per_block: int
    shared_per_multiprocessor: int
    threads_per_multiprocessor: int
    blocks_per_multiprocessor: int
    reserved_shared: int = 1024  # of each block, which the system keeps for itself
    registers_per_multiprocessor: int = 65536
    registers_per_thread: int = 255
    threads_per_block: int = 1024
    named_barriers: int = 16
    cluster: int = 1  # blocks of a cluster that every launch may have
    staging_bytes: int = 8  # what a copy of neighbouring channels to shared memory should move at least

    def blocks_by_shared(self, shared: int) -> int:
        """Blocks of SHARED bytes each that a multiprocessor holds side by side."""
        return self.shared_per_multiprocessor // (shared + self.reserved_shared)

    def resident(self, threads: int, shared: int, registers: int = 0) -> int:
        """Blocks of THREADS and of SHARED bytes that a multiprocessor holds side by side, 0 where there is no
        room for one; REGISTERS: of a thread, where they are known."""
        room = min(self.blocks_per_multiprocessor, self.threads_per_multiprocessor // threads)
        if registers:
            held = threads * min(registers, self.registers_per_thread)
            room = min(room, self.registers_per_multiprocessor // held)
        return min(room, self.blocks_by_shared(shared))


@dataclass(frozen=True)
class Rates:
    """FLOPs per clock and multiprocessor, dense, with sums in f32 (i32 of integers); 0: it has none."""

    f32: float
    f16: float  # and bf16
    tf32: float
    i8: float
    f8: float = 0.0


@dataclass(frozen=True)
class Card:
    """A product: how much of its architecture it has. Published figures, but for what was measured.

    clock: in Hz, at which it runs under load; boost: in Hz, of the published peaks; peak_bytes_per_second:
    of its memory, as published; bytes_per_second: of a long kernel that only moves memory; tensor: most
    that its tensor cores do, by any instruction; l2_bytes: of the cache that all multiprocessors share.
    """

    name: str
    title: str  # as the driver spells it, without the vendor
    multiprocessors: int
    clock: float
    boost: float
    peak_bytes_per_second: float
    bytes_per_second: float
    l2_bytes: int
    tensor: Rates


@dataclass(frozen=True)
class ContractionFit:
    """What `benchmarks/contraction/fit.py` finds. Times are in cycles unless they say otherwise."""

    efficiency: float = 0.78  # of the products' rate
    l2_bytes: float = 60.0  # per clock and multiprocessor
    narrow: float = 2.5  # what a copy narrower than 16 bytes costs, by its share of them
    memory_latency: float = 925.0  # from a copy's request to its landing, L2 and DRAM mixed
    step_latency: float = 25.0  # one dependent round of fragment loads and products
    start: float = 1170.0  # until a block's first tile has landed
    finish: float = 16.7  # a byte of a thread's sums, from registers to memory
    split: float = 4790.0  # the counter's round trip and the last block's reads
    launch: float = 0.44  # microseconds


@dataclass(frozen=True)
class Fitted:
    """Constants of the cost models that were fitted on a machine.

    shared_bytes: what a multiprocessor reads of its shared memory in a clock; mma, simt: FLOPs per clock and
    multiprocessor that products of 16-bit operands on tensor cores by mma.sync reach, and those of 32-bit
    operands in plain arithmetic.
    """

    contraction: ContractionFit
    shared_bytes: float
    mma: float
    simt: float


@dataclass(frozen=True)
class ArchSpec:
    """The GPU that code is made for: an instruction set, and the card that choices are tuned for.

    `name` has the suffix, which is a part of it: only `sm_90a` has wgmma.
    """

    name: str
    features: frozenset[Feature]
    limits: Limits
    card: Card
    fitted: Fitted

    def has(self, *features: Feature) -> bool:
        """Whether all FEATURES are there."""
        return self.features.issuperset(features)

    @property
    def multiprocessors(self) -> int:
        return self.card.multiprocessors

    @property
    def bytes_per_second(self) -> float:
        """Of the GPU's memory, as a long kernel sees it."""
        return self.card.bytes_per_second

    @property
    def shared_bytes(self) -> int:
        """The most shared memory that a block may have."""
        return self.limits.shared_per_block

    @property
    def clock(self) -> float:
        """Cycles per microsecond under load."""
        return self.card.clock / 1e6

    def elements_moved(self, microseconds: float) -> float:
        """How many elements of 4 bytes memory moves in so many MICROSECONDS."""
        return self.bytes_per_second / 4 / 1e6 * microseconds
