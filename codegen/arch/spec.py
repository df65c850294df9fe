"""The description of a target GPU as a value: features, limits, card and fitted cost constants."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .features import Feature
from .fitted import Fitted


@dataclass(frozen=True)
class Limits:
    """Resource limits of a multiprocessor, a block and a thread; sizes in bytes, registers of 32 bits.

    Source: CUDA programming guide, "Technical specifications per compute capability".
    """

    shared_per_block: int
    shared_per_multiprocessor: int
    threads_per_multiprocessor: int
    blocks_per_multiprocessor: int
    reserved_shared: int = 1024  # reserved by the system in each block
    registers_per_multiprocessor: int = 65536
    registers_per_thread: int = 255
    threads_per_block: int = 1024
    named_barriers: int = 16
    cluster: int = 1  # the largest portable cluster size, in blocks
    largest_cluster: int = 1  # the largest cluster size that a kernel may ask for, in blocks
    schedulers: int = 4  # parts of a multiprocessor, each with a scheduler and units of its own
    sector_bytes: int = 32  # the smallest unit of memory traffic
    staging_bytes: int = 8  # the least that one copy of adjacent channels to shared memory should move

    def blocks_by_shared(self, shared: int) -> int:
        """Resident blocks per multiprocessor as limited by shared memory: each block uses SHARED bytes."""
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
    """Peak dense FLOPs per clock and multiprocessor by operand type; 0 where the type is not supported.

    Accumulators are f32, or i32 for integers.
    """

    f32: float
    f16: float  # and bf16
    tf32: float
    i8: float
    f8: float = 0.0


@dataclass(frozen=True)
class Card:
    """A GPU model: the size and speed of one product of an architecture. Figures are published or measured.

    clock: in Hz, sustained under load; boost: in Hz, the clock of the published peak rates;
    peak_bytes_per_second: published memory bandwidth; bytes_per_second: bandwidth of a long memory-bound
    kernel; l2_bytes: size of the L2 cache; tensor: peak rates of the tensor cores with the best instruction.
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
class ArchSpec:
    """The GPU that code is generated for: an instruction set, and the card that choices are tuned for.

    `name` includes the suffix, because the suffix changes the instruction set: `sm_90a` has wgmma, `sm_90`
    does not. `features` are the instructions, `limits` the resources of a block, a thread and a
    multiprocessor, `card` the size and speed of the GPU, `fitted` constants of the cost models.
    """

    name: str
    features: frozenset[Feature]
    limits: Limits
    card: Card
    fitted: Fitted

    def __hash__(self) -> int:
        return hash(self.name)  # many caches ask, and a hash of all figures takes as long as a price

    def without(self, *features: Feature) -> ArchSpec:
        """The target without FEATURES: kernels that are made for it do not use them."""
        return replace(self, features=self.features.difference(features))

    def has(self, *features: Feature) -> bool:
        """Whether the GPU has all of FEATURES."""
        return self.features.issuperset(features)

    @property
    def estimated_from(self) -> str:
        """The card whose measured times stand in for those of this one; empty where this one was measured."""
        others = {fit.card for fit in self.fitted.fits.values()} - {self.card.name, ""}
        return ", ".join(sorted(others))

    @property
    def multiprocessors(self) -> int:
        """The number of streaming multiprocessors (SMs)."""
        return self.card.multiprocessors

    @property
    def bytes_per_second(self) -> float:
        """Sustained memory bandwidth, as a long memory-bound kernel reaches it."""
        return self.card.bytes_per_second

    @property
    def shared_bytes(self) -> int:
        """The most shared memory that a block may have, in bytes."""
        return self.limits.shared_per_block

    @property
    def clock(self) -> float:
        """Cycles per microsecond under load."""
        return self.card.clock / 1e6

    def elements_moved(self, microseconds: float) -> float:
        """How many 4-byte elements the memory moves in MICROSECONDS, at its sustained bandwidth."""
        return self.bytes_per_second / 4 / 1e6 * microseconds
