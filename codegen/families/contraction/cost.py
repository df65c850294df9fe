"""The cost model of contractions: expected time from the tile, by product, staging and epilogue.

A multiprocessor has two times, combined by a norm because neither fully hides the other: throughput (the
cycles that its units are busy with all of its blocks) and latency (the waves of blocks that run one after
another). The constants belong to the target and are fitted to timings by `benchmarks/contraction/fit.py`.
"""

from __future__ import annotations

from ...arch.fitted import ContractionFit
from ...arch.spec import ArchSpec
from .epilogue import finish_latency, partial_cycles, split_latency, staged_cycles
from .problem import Problem
from .product import dependent_cycles, product_cycles
from .staging import arrival_cycles, copied_bytes, row_cycles, stored_bytes
from .work import ContractionLoad, Work

WARP = 32  # threads
UNITS_NORM = 4.0  # order of the norm over the units of a multiprocessor, which overlap well
WIDE_CLUSTER = 4  # blocks of a cluster, from which some multiprocessors have no place for one
PHASES_NORM = 1.5  # order of the norm over throughput and latency


def microseconds(problem: Problem, work: Work, target: ArchSpec, constants: ContractionFit) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes, with the configuration WORK on TARGET.

    CONSTANTS are those of the product for TARGET.
    """
    return expected(ContractionLoad.of(problem, work), work, target, constants)


def expected(load: ContractionLoad, work: Work, target: ArchSpec, constants: ContractionFit) -> float:
    """Expected microseconds of LOAD with the configuration WORK on TARGET, and the product's CONSTANTS."""
    own_blocks = -(-load.blocks // target.multiprocessors)
    waves = -(-load.blocks // _room(work, target, constants))
    busy = own_blocks * _units(load, work, target, constants)
    waiting = waves * _latencies(load, work, constants)
    cycles = _norm(PHASES_NORM, busy, waiting)
    memory = load.moved_bytes / target.bytes_per_second * 1e6
    return constants.launch + _norm(UNITS_NORM, cycles / target.clock, memory)


def _room(work: Work, target: ArchSpec, constants: ContractionFit) -> int:
    """The blocks that run side by side."""
    tiling = work.tiling
    wide = tiling.clustered and tiling.splits >= WIDE_CLUSTER
    share = constants.cluster_room if wide else 1.0
    return max(1, int(target.multiprocessors * share) * work.resident)


def _units(load: ContractionLoad, work: Work, target: ArchSpec, constants: ContractionFit) -> float:
    """Cycles that the units of a multiprocessor are busy with one block."""
    bandwidth = target.fitted.throughput.shared_bandwidth
    shared = (stored_bytes(load, work, constants) + work.shared_bytes) / bandwidth
    l2 = copied_bytes(load, work) / constants.l2_bandwidth * (constants.astride if load.astride else 1.0)
    per_tile = _norm(UNITS_NORM, product_cycles(work, constants), shared, l2)
    once = work.tiling.threads / WARP * constants.issue + staged_cycles(work, bandwidth)
    return load.k_tiles * per_tile + once + partial_cycles(work, constants)


def _latencies(load: ContractionLoad, work: Work, constants: ContractionFit) -> float:
    """Cycles from the start of a block to its end when no other block competes for units.

    The tiles that fill the pipeline are under way together; each later one arrives after those before it.
    """
    arrival, dependent = arrival_cycles(work, constants), dependent_cycles(work, constants)
    later = max(0, load.k_tiles - work.tiling.stages + 1)
    along_k = load.k_tiles * dependent + later * max(0.0, arrival - dependent)
    along_k += load.k_tiles * row_cycles(load, work, constants)
    finish = finish_latency(work, constants)
    return constants.start + along_k + finish + split_latency(work, constants)


def _norm(order: float, *values: float) -> float:
    return float(sum(value**order for value in values) ** (1 / order))
