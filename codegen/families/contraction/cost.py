"""How long a contraction takes, from the tile alone: the costs of its product, staging and epilogue.

Two times of a multiprocessor are added in a norm, because neither hides the other fully: what its
units need for all its blocks, and the latencies of the blocks that run one after another. The
constants are the target's, fitted to timings by `benchmarks/contraction/fit.py`.
"""

from __future__ import annotations

from ...arch.spec import ArchSpec, ContractionFit
from .epilogue import finish_latency, partial_cycles, split_latency, staged_cycles
from .problem import Problem
from .product import dependent_cycles, product_cycles
from .staging import arrival_cycles, copied_bytes, stored_bytes
from .work import ContractionLoad, Work

UNITS_NORM = 4.0  # of the units of a multiprocessor, which overlap well
PHASES_NORM = 1.5  # of throughput and latency


def microseconds(problem: Problem, work: Work, target: ArchSpec) -> float:
    """Expected time of PROBLEM at its optimal sizes."""
    return expected(ContractionLoad.of(problem, work), work, target)


def expected(load: ContractionLoad, work: Work, target: ArchSpec) -> float:
    """Expected microseconds of LOAD."""
    own_blocks = -(-load.blocks // target.multiprocessors)
    waves = -(-load.blocks // (target.multiprocessors * work.resident))
    busy = own_blocks * _units(load, work, target)
    waiting = waves * _latencies(load, work, target.fitted.contraction)
    cycles = _norm(PHASES_NORM, busy, waiting)
    memory = load.moved_bytes / target.bytes_per_second * 1e6
    return target.fitted.contraction.launch + _norm(UNITS_NORM, cycles / target.clock, memory)


def _units(load: ContractionLoad, work: Work, target: ArchSpec) -> float:
    """Cycles that the units of a multiprocessor are busy with one block."""
    constants, shared_bytes = target.fitted.contraction, target.fitted.shared_bytes
    shared = (stored_bytes(load, work, constants) + work.shared_bytes) / shared_bytes
    l2 = copied_bytes(load, work) / constants.l2_bytes
    per_tile = _norm(UNITS_NORM, product_cycles(work, constants), shared, l2)
    return load.k_tiles * per_tile + staged_cycles(work, shared_bytes) + partial_cycles(work, constants)


def _latencies(load: ContractionLoad, work: Work, constants: ContractionFit) -> float:
    """Cycles from a block's start to its end when it waits for nothing but itself."""
    per_tile = max(arrival_cycles(work, constants), dependent_cycles(work, constants))
    finish = finish_latency(work, constants)
    return constants.start + load.k_tiles * per_tile + finish + split_latency(work, constants)


def _norm(order: float, *values: float) -> float:
    return float(sum(value**order for value in values) ** (1 / order))
