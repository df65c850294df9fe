"""The cost model of persistent contractions.

A block computes its tiles one after another. Loads of later tiles overlap everything; with two teams, the
products of one tile overlap the epilogue of another.
"""

from __future__ import annotations

from ...arch.fitted import PersistentFit
from ...arch.spec import ArchSpec
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from ..contraction.wgmma import LINE_BYTES, ROWS
from .config import PersistentConfig, clusters_of, enough_stages
from .depth import line_of, lines_of_k, multiplied_k, tiles_of_k
from .splits import split_room

NORM = 4.0  # order of the norm over units, which overlap well
GATHERED_STAGES = 2  # more that clusters want, where copies of windows take longer in one block


def microseconds(problem: Problem, config: PersistentConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes under CONFIG on TARGET."""
    return expected(problem, config, target, target.fitted.persistent)


def expected(problem: Problem, config: PersistentConfig, target: ArchSpec, constants: PersistentFit) -> float:
    """Expected microseconds of PROBLEM at its optimal sizes under CONFIG on TARGET, with CONSTANTS."""
    tiles = problem.at_optimum(tiles_of(problem, config.rows, config.block_n))
    start, units = _start(config, constants), _units(problem, config, target, constants)
    finish = _finish(problem, config, constants)
    if config.splits > 1:
        own = -(-tiles // split_room(config, target))
        busy = min(1.0, tiles * config.splits / target.multiprocessors)  # all of these share the L2 cache
        part = constants.part + (1.0 - constants.part) * busy**2
        cycles = own * (start + part * norm(*units) + finish)  # a cluster ends with its tile
    else:
        own = -(-tiles // clusters_of(problem, config, target.multiprocessors))
        if config.teams > 1:
            cycles = start + own * norm(*units, finish) + finish
        else:
            cycles = start + own * (norm(*units) + finish)
    memory = _moved_bytes(problem, config) / (target.bytes_per_second * constants.bandwidth) * 1e6
    return constants.launch + norm(cycles / target.clock, memory)


def _start(config: PersistentConfig, constants: PersistentFit) -> float:
    """Cycles of a block beside its tiles."""
    start = constants.start + (constants.meet if config.cluster > 1 else 0.0)
    start += config.kept * config.block_n * config.depth / constants.l2_bandwidth
    return start + (config.splits - 1) * constants.exchange + config.sums_bytes * constants.sent


def _units(
    problem: Problem, config: PersistentConfig, target: ArchSpec, constants: PersistentFit
) -> tuple[float, ...]:
    """Cycles of each unit that a tile, or a block's part of it, keeps busy until it has been multiplied."""
    k_tiles = -(-problem.at_optimum(tiles_of_k(problem)) // config.splits)
    rate = target.fitted.throughput.wgmma * 2 / problem.a.bytes * constants.efficiency
    step = constants.step if config.cluster == 1 else constants.shared_step
    step += constants.shallow if config.stages < _wanted_stages(problem, config) else 0.0
    products = config.block_m * config.block_n * problem.at_optimum(multiplied_k(problem)) / config.splits
    shares = 1 if problem.is_astride else config.cluster  # of such lines, half are not copied faster
    columns = 0.0 if config.kept else config.block_n / shares
    lines = k_tiles * (config.block_m + columns) * config.depth
    lines *= constants.astride if problem.is_astride else 1.0
    results = config.block_m * config.own_n * problem.result_bytes
    arrive = (lines + results) / constants.l2_bandwidth * (1.0 + constants.beyond * _beyond(problem, config))
    arrive += 0.0 if config.kept else _crowd(problem, constants)
    gather = _gather(problem, config, constants) / config.splits
    pass_through = k_tiles * shared_bytes(config) / constants.shared_bandwidth
    return 2.0 * products / rate + k_tiles * step, arrive, gather, pass_through


def _wanted_stages(problem: Problem, config: PersistentConfig) -> int:
    """The stages below which a k tile is late: more where a cluster waits for windows of two blocks."""
    gathered = config.cluster > 1 and problem.windows
    return enough_stages(problem) + (GATHERED_STAGES if gathered else 0)


def _beyond(problem: Problem, config: PersistentConfig) -> float:
    """The share of tiles' rows that lie beyond the last row of A, which copies fill with zeros."""
    rows = problem.at_optimum(problem.m)
    return 1.0 - rows / (-(-rows // config.rows) * config.rows)


def _finish(problem: Problem, config: PersistentConfig, constants: PersistentFit) -> float:
    """Cycles of the epilogue of a tile."""
    each = constants.leave if config.buffers else constants.finish
    each += 0.0 if problem.accumulate.is_float else constants.convert
    return each * config.block_m * config.own_n + constants.tile


def shared_bytes(config: PersistentConfig) -> float:
    """Bytes that a tile of k moves to shared memory and from there: copies write each operand once, and
    products read the rows of A once, but B for every 64 of them."""
    columns = 0 if config.kept else config.block_n
    written = (config.block_m + columns) * config.depth
    return written + (config.block_m + config.block_m / ROWS * config.block_n) * config.depth


def _gather(problem: Problem, config: PersistentConfig, constants: PersistentFit) -> float:
    """Cycles of a tile in which im2col copies bring the lines of its rows, of every tap anew."""
    if not problem.windows or problem.is_astride:
        return 0.0  # those of taps that are no whole lines of the cache have a price of their own
    each = constants.line if line_of(problem) == LINE_BYTES else constants.narrow_line
    return problem.at_optimum(lines_of_k(problem)) * config.block_m * each


def _crowd(problem: Problem, constants: PersistentFit) -> float:
    """Cycles of a tile in which all blocks wait for the same few lines of B."""
    size = problem.at_optimum(problem.n) * problem.at_optimum(problem.k) * problem.b.bytes
    return constants.crowd * min(1.0, constants.crowded / size)


def _moved_bytes(problem: Problem, config: PersistentConfig) -> float:
    """Traffic to and from memory, were all blocks as busy with results as the fullest."""
    m, n, k = (problem.at_optimum(dim) for dim in (problem.m, problem.n, problem.k))
    a = m * k / max(1, problem.taps) * problem.a.bytes
    columns = -(-n // config.block_n) * config.block_n
    if not config.kept or columns == config.block_n:
        columns = n  # otherwise a block has the same columns all the time, and some have fewer than others
    results = m * columns * problem.result_bytes
    return problem.at_optimum(problem.batches) * (a + n * k * problem.b.bytes + results)


def norm(*values: float) -> float:
    """The time of VALUES, which overlap well."""
    return float(sum(value**NORM for value in values) ** (1 / NORM))
