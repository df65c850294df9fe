"""The cost model of recurrent kernels: a chain of steps, each until all blocks have the state."""

from __future__ import annotations

from collections.abc import Mapping

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from .config import FRAGMENT_BYTES, RecurrenceConfig, layout_of

SHARED_BYTES = 128  # of shared memory, that a multiprocessor reads in a cycle


def microseconds(
    op: Recurrence, config: RecurrenceConfig, target: ArchSpec, sizes: Mapping[str, int]
) -> float:
    """Expected microseconds of OP at SIZES under CONFIG on TARGET."""
    fit = target.fitted.recurrence
    steps, batch = (max(evaluate(dim, sizes), 1) for dim in (op.steps, op.batch))
    clusters = -(-batch // config.rows) * len(op.reverse)
    waves = -(-clusters // resident_clusters(config.cluster, target))
    cycles = steps * step_cycles(op, config, target, batch) + fit.start
    return fit.launch + waves * cycles / target.clock


def resident_clusters(cluster: int, target: ArchSpec) -> int:
    """Clusters of CLUSTER blocks that run side by side, if a block fills a multiprocessor."""
    share = target.fitted.recurrence.room if cluster > 2 else 1.0
    return max(1, int(target.multiprocessors * share) // cluster)


def step_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles of a step: products, some of which depend on each other, gates, and the exchange of states."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    each = 2 * layout.steps * (layout.halves // 2) * config.tiles  # products of a warp
    products = max(
        each * -(-config.warps // target.limits.schedulers) * fit.product,
        2 * layout.steps / layout.chains * fit.latency,
    )
    halves = layout.halves * (layout.steps - layout.kept) + config.tiles * layout.steps
    loaded = config.warps * halves * FRAGMENT_BYTES / SHARED_BYTES
    moved = config.groups * layout.cells * (config.splits - 1) * op.gates * 256 / SHARED_BYTES
    rows = min(config.rows, batch)
    sent = rows * -(-op.hidden // config.cluster) * 2 * config.cluster / fit.bandwidth
    met = fit.meet if config.splits > 1 else 0.0
    return max(products, loaded) + moved + met + layout.own_cells * fit.cell + fit.exchange + sent
