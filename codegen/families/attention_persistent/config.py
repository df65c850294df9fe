"""Configurations of persistent attention, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..attention.problem import AttentionProblem
from ..contraction.wgmma import GROUP, LINE_BYTES, ROWS

BARRIER_BYTES = 8
PANEL = 64  # features of a line of 128 bytes
FEATURES = 16  # features (keys) of one wgmma along its sum
# Columns of the products with values, and keys of a tile, as wgmma_fragments.cuh has them.
WIDTHS = (32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256)
KEYS = (208, 192, 176, 160, 128, 112, 96, 80, 64)
_STAGES = ((3, 2), (2, 2), (2, 1))  # of keys and values, and of queries
# By the number of warpgroups that multiply: registers of a thread of the one that copies, and of these; and
# the blocks of a multiprocessor.
_REGISTERS = {1: (24, 232), 2: (24, 240), 3: (32, 160)}
_RESIDENT = {1: 2, 2: 1, 3: 1}
# Registers of a thread that multiplies, beside scores, weights and accumulators; with a mask it loads ahead.
# Beside the widest accumulators there is no room for masks, or positions, and references that lag, nor for
# stores while scores are computed.
OTHER_REGISTERS, MASK_REGISTERS, LAG_REGISTERS = 32, 72, 8
MOST_SPARING = 224  # columns of results
MOST_SCORES = 96  # of a thread of small blocks: ptxas needs them and their operands among the first registers


@dataclass(frozen=True)
class PersistentAttentionConfig:
    """A configuration: warpgroups that multiply, with 64 queries each; keys of a tile; stages of tiles of
    keys and of values; stages of tiles of queries."""

    groups: int
    keys: int
    stages: int
    query_stages: int

    @property
    def consumers(self) -> int:
        """Threads that multiply."""
        return GROUP * self.groups

    @property
    def threads(self) -> int:
        """Threads of a block: those that multiply, and the warpgroup that copies."""
        return self.consumers + GROUP

    @property
    def block_s(self) -> int:
        """Queries of a tile."""
        return ROWS * self.groups

    @property
    def block_t(self) -> int:
        """Keys of a tile."""
        return self.keys

    @property
    def resident(self) -> int:
        """Blocks of a multiprocessor, by the registers that they are compiled for."""
        return _RESIDENT[self.groups]

    @property
    def producer_registers(self) -> int:
        """Registers of a thread of the warpgroup that copies."""
        return _REGISTERS[self.groups][0]

    @property
    def consumer_registers(self) -> int:
        """Registers of a thread that multiplies."""
        return _REGISTERS[self.groups][1]


def width_of(features: int) -> int:
    """The columns of the product with values of so many FEATURES."""
    return next(width for width in WIDTHS if width >= features)


def lags(problem: AttentionProblem, config: PersistentAttentionConfig) -> bool:
    """Whether exponents are relative to references that lag behind the largest scores of their rows."""
    one_tile = isinstance(problem.keys, int) and problem.keys <= config.keys
    room = width_of(problem.width) <= MOST_SPARING or (problem.mask is None and not problem.causal)
    return room and not one_tile


def depth_step(features: int) -> int:
    """The multiple of features that keys of FEATURES are padded to, with zeros.

    At least two wgmma make scores: ptxas of CUDA 13.0 serialises all of a kernel where a single one writes
    columns that nobody reads, such as those past the last key.
    """
    return FEATURES if features > FEATURES else 2 * FEATURES


def panels(features: int) -> int:
    """The lines of 128 bytes of a row of so many FEATURES."""
    return -(-features // PANEL)


def shared_bytes(problem: AttentionProblem, config: PersistentAttentionConfig) -> int:
    """Dynamic shared memory of a block in bytes: tiles of queries, keys and values, and barriers."""
    queries = config.query_stages * config.block_s * panels(problem.depth)
    keys = config.stages * config.keys * (panels(problem.depth) + panels(problem.width))
    barriers = 2 * config.query_stages + 4 * config.stages + config.groups
    return (queries + keys) * LINE_BYTES + barriers * BARRIER_BYTES


def illegal(problem: AttentionProblem, config: PersistentAttentionConfig, room: int) -> str | None:
    """Why CONFIG is not legal for PROBLEM with ROOM bytes of shared memory; None if it is."""
    if config.groups not in _REGISTERS or config.keys not in KEYS:
        return "no such warpgroups, or no such wgmma"
    if not (2 <= config.stages <= 3 and 1 <= config.query_stages <= 2):
        return "no such stages"
    held = config.keys * 3 // 4 + width_of(problem.width) // 2
    if config.groups != 2 and config.keys // 2 > MOST_SCORES:
        return "scores need more registers"
    others = OTHER_REGISTERS if problem.mask is None else MASK_REGISTERS
    if problem.mask is not None and width_of(problem.width) > MOST_SPARING:
        others -= LAG_REGISTERS
    if held + others > config.consumer_registers:
        return "scores, weights and accumulators need more registers"
    return "not enough shared memory" if shared_bytes(problem, config) > room else None


def shapes(problem: AttentionProblem, room: int) -> Iterator[PersistentAttentionConfig]:
    """The configurations for PROBLEM whose blocks fit into ROOM bytes of shared memory, with as many stages
    as have room there."""
    for groups in _REGISTERS:
        for keys in KEYS:
            several = not (isinstance(problem.keys, int) and problem.keys <= keys)  # tiles
            for stages, query_stages in _STAGES if several else _STAGES[1:]:
                config = PersistentAttentionConfig(groups, keys, stages, query_stages)
                if illegal(problem, config, room // config.resident) is None:
                    yield config
                    break
