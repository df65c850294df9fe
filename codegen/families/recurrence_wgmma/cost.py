"""The cost model of recurrent kernels by wgmma."""

from __future__ import annotations

from collections.abc import Mapping

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from ..recurrence.cost import alone_clusters
from .config import WgmmaRecurrenceConfig, layout_of


def microseconds(
    op: Recurrence, config: WgmmaRecurrenceConfig, target: ArchSpec, sizes: Mapping[str, int]
) -> float:
    """Expected microseconds of OP at SIZES under CONFIG on TARGET."""
    fit = target.fitted.recurrence
    steps, batch = (max(evaluate(dim, sizes), 1) for dim in (op.steps, op.batch))
    clusters = -(-batch // config.rows) * len(op.reverse)
    waves = -(-clusters // alone_clusters(config.cluster, target))
    cycles = steps * step_cycles(op, config, target) + fit.start
    return fit.launch + waves * cycles / target.clock


def step_cycles(op: Recurrence, config: WgmmaRecurrenceConfig, target: ArchSpec) -> float:
    """Cycles of a step of a cluster: states arrive while they are multiplied."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    product = max(fit.wgmma_column * config.rows, fit.wgmma_least) * config.warpgroups * layout.steps
    arrival = layout.state_elements * 2 / fit.wgmma_bandwidth if config.cluster > 1 else 0.0
    cells = fit.wgmma_cell * config.tiles * config.warpgroups
    return max(product, arrival) + cells + fit.wgmma_rest
