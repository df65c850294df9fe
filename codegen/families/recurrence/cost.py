"""The cost model of recurrent kernels: a chain of steps, each until all blocks have the state."""

from __future__ import annotations

from collections.abc import Mapping

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Gru, Recurrence
from ...arch.spec import ArchSpec
from ..contraction.problem import COPY_BYTES
from .config import (
    FOR_BLOCK,
    FOR_GROUP,
    IN_PIECES,
    SCHEDULERS,
    WIDE,
    RecurrenceConfig,
    RecurrenceLayout,
    layout_of,
)

PAIRS = 2  # of blocks, up to which clusters fill all multiprocessors


def microseconds(
    op: Recurrence, config: RecurrenceConfig, target: ArchSpec, sizes: Mapping[str, int]
) -> float:
    """Expected microseconds of OP at SIZES under CONFIG on TARGET."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    steps, batch = (max(evaluate(dim, sizes), 1) for dim in (op.steps, op.batch))
    clusters, alone = -(-batch // config.rows) * len(op.reverse), alone_clusters(config.cluster, target)
    each = max(1, min(layout.resident, target.shared_bytes // layout.shared_bytes))
    waves = -(-clusters // (alone * each))
    sharing = min(each, -(-clusters // (alone * waves)))  # blocks of a multiprocessor that run at a time
    cycles = steps * step_cycles(op, config, target, batch) * (1 + fit.sharing * (sharing - 1)) + fit.start
    return fit.launch + waves * cycles / target.clock


def alone_clusters(cluster: int, target: ArchSpec) -> int:
    """Clusters of CLUSTER blocks that run side by side, if a block has a multiprocessor to itself."""
    share = target.fitted.recurrence.room if cluster > PAIRS else 1.0
    return max(1, int(target.multiprocessors * share) // cluster)


def step_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles of a step of a cluster: its parts follow each other, since each needs all of the one before."""
    computed = computed_cycles(layout_of(op, config), target, batch)
    sent = sent_cycles(op, config, target, batch)
    return computed + exchanges(op) * (sent + target.fitted.recurrence.exchange)


def exchanges(op: Recurrence) -> int:
    """The states that blocks exchange in a step of OP: another one where it is reset before its product."""
    return 2 if isinstance(op, Gru) and not op.linear else 1


def computed_cycles(layout: RecurrenceLayout, target: ArchSpec, batch: int) -> float:
    """Cycles of the products and the gates."""
    fit, config = target.fitted.recurrence, layout.config
    bandwidth = target.fitted.throughput.shared_bandwidth
    each = layout.steps * layout.halves * config.tiles  # products of a warp
    busy = each * -(-config.warps // SCHEDULERS) * fit.product
    dependent = 2 * layout.steps / layout.chains * fit.latency
    if config.width == WIDE:
        live = min(batch, config.rows)
        busy = each * -(-config.warps // SCHEDULERS) * live * (COPY_BYTES // WIDE) * fit.multiply
        dependent = 2 * 2 * live * layout.halves * fit.latency
    weights = layout.weight_bytes / bandwidth
    if layout.byte_weights:
        busy += layout.steps * layout.halves * -(-config.warps // SCHEDULERS) * fit.widen
    given = 2 * layout.sums_bytes / bandwidth  # written, then read
    met = fit.meet * (config.splits - 1)
    return busy + dependent + weights + given + met + layout.own_cells * fit.cell


def sent_cycles(op: Recurrence, config: RecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles until the states have left a block, or arrived at it."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    chunks = config.groups * layout.units * config.width // COPY_BYTES
    if config.copies == IN_PIECES:
        return min(batch, config.rows) * chunks * config.cluster * fit.piece
    copies = config.cluster * (config.groups if config.copies == FOR_GROUP else 1)
    met = config.warps * fit.block if config.copies == FOR_BLOCK else 0.0
    return copies * fit.copy + met + chunks * config.rows * COPY_BYTES * config.cluster / fit.bandwidth
