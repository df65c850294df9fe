"""The cost model of recurrent kernels whose blocks are a cooperative grid."""

from __future__ import annotations

from collections.abc import Mapping

from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from ..recurrence.cost import computed_cycles, exchanges
from .config import GridRecurrenceConfig, layout_of


def microseconds(
    op: Recurrence, config: GridRecurrenceConfig, target: ArchSpec, sizes: Mapping[str, int]
) -> float:
    """Expected microseconds of OP at SIZES under CONFIG on TARGET."""
    fit = target.fitted.recurrence
    steps, batch = (max(evaluate(dim, sizes), 1) for dim in (op.steps, op.batch))
    passes = len(op.reverse) // config.beside(op)
    cycles = fit.start + -(-batch // config.rows) * steps * step_cycles(op, config, target, batch)
    return fit.launch + passes * cycles / target.clock


def step_cycles(op: Recurrence, config: GridRecurrenceConfig, target: ArchSpec, batch: int) -> float:
    """Cycles of a step: its products and gates, then the way of the state through memory."""
    fit, layout = target.fitted.recurrence, layout_of(op, config)
    loaded = config.width * op.hidden * min(batch, config.rows)
    exchange = fit.grid_exchange + loaded / fit.grid_bandwidth
    return computed_cycles(layout, target, batch) + exchanges(op) * exchange
