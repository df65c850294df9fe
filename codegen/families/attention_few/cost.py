"""The cost model of attention of few queries: keys and values come from memory as fast as loads are in
flight."""

from __future__ import annotations

from ...request.request import Request
from ..attention.problem import AttentionProblem, at_optimum
from .config import FewQueriesConfig, lanes_of, registers, shared_bytes, tile_keys, vector_of
from .rows import Rows


def microseconds(problem: AttentionProblem, rows: Rows, config: FewQueriesConfig, request: Request) -> float:
    """Expected microseconds of PROBLEM with ROWS under CONFIG, at the optimal sizes of REQUEST."""
    target, fit = request.target, request.target.fitted.few_queries
    keys = at_optimum(problem.keys, request)
    blocks = at_optimum(rows.entries(problem), request) * -(-rows.count // config.rows) * config.splits
    tile = tile_keys(problem, config)
    tiles = -(-keys // (tile * config.splits))
    room = target.limits.resident(
        config.threads, shared_bytes(problem, rows, config), registers(problem, config)
    )
    slots = int(target.multiprocessors * (fit.room if config.splits > 2 else 1.0))
    side = min(-(-blocks // slots), max(room, 1))  # blocks beside each other on a multiprocessor
    waves = -(-blocks // (slots * side))
    features = (problem.depth + problem.width) * problem.math.bytes
    flight = side * tile * features  # bytes of a multiprocessor
    rate = min(fit.bandwidth, flight / fit.memory) * target.clock  # bytes a microsecond
    rate = min(rate, target.bytes_per_second * 1e-6 * fit.efficiency / min(blocks, slots))
    load = side * tile * features / rate * target.clock
    steps = lanes_of(problem).bit_length() - 1
    issued = config.keys * (config.rows * (2 * vector_of(problem.math) + 2 * steps + 8) + 24)
    work = side * config.warps / target.limits.schedulers * issued
    cycles = fit.start + waves * tiles * max(load, work, fit.memory) + waves * fit.merge * config.rows
    if rows.computed:
        cycles += waves * tiles * fit.computed
    if config.splits > 1:
        cycles += fit.exchange
    return fit.launch + cycles / target.clock
