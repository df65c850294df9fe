"""The cost model of recurrent kernels: a chain of steps, each until all blocks have the state."""

from __future__ import annotations

from collections.abc import Mapping

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from .config import FRAGMENT_BYTES, HALF, IN_PIECES, SCHEDULERS, RecurrenceConfig, layout_of

PAIRS = 2  # of blocks, up to which clusters fill all multiprocessors


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
    share = target.fitted.recurrence.room if cluster > PAIRS else 1.0
    return max(1, int(target.multiprocessors * share) // cluster)


def step_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles of a step of a cluster."""
    computed, sent = computed_cycles(op, config, target), sent_cycles(op, config, target, batch)
    return computed + sent + target.fitted.recurrence.exchange


def computed_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec) -> float:
    """Cycles of the products and the gates."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    each = layout.steps * layout.halves * config.tiles  # products of a warp
    busy = each * -(-config.warps // SCHEDULERS) * fit.product
    dependent = 2 * layout.steps / layout.chains * fit.latency
    weights = layout.halves * (layout.steps - layout.kept)
    loads = config.warps * (weights + layout.steps * config.tiles)
    loaded = loads * FRAGMENT_BYTES / target.fitted.throughput.shared_bandwidth
    given = config.groups * layout.cells * (config.splits - 1) * op.gates * 256
    moved = given / target.fitted.throughput.shared_bandwidth
    met = fit.meet if config.splits > 1 else 0.0
    return max(busy, dependent, loaded) + moved + met + layout.own_cells * fit.cell


def sent_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles until the states have left a block, or arrived at it."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    chunks = config.groups * layout.units // HALF
    if config.copies == IN_PIECES:
        return min(batch, config.rows) * chunks * config.cluster * fit.piece
    copies = config.cluster * (config.groups if config.copies == 1 else 1)
    return copies * fit.copy + chunks * config.rows * 16 * config.cluster / fit.bandwidth
