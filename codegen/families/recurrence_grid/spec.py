"""The spec of a recurrent kernel whose blocks are a cooperative grid, and its scratch memory."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.dtypes import U32
from ....dialects.graph.recurrence import Recurrence
from ...request.parameters import ScratchParameter
from ...request.request import Request
from ...request.signature import Signature
from ...text.render import Identifier
from ..recurrence.spec import RecurrenceSpec, layout_fields, op_fields
from .config import GridRecurrenceConfig, layout_of

TEMPLATE = "kernels/recurrence_grid.cu.j2"
WORKSPACE, COUNTERS = "sent_states", "counters"


@dataclass(frozen=True, kw_only=True)
class GridRecurrenceSpec(RecurrenceSpec):
    """The spec of a recurrent kernel whose blocks are a cooperative grid.

    blocks: those of all directions; chunks: of the batch, 2 where it is not known; sent_elements: of a state,
    as it is sent; workspace: two states of each direction; counters: of each direction how many blocks have
    sent states, and of blocks that have ended; in_turn: whether directions run one after the other.
    """

    blocks: int
    chunks: int
    sent_elements: int
    workspace: Identifier
    counters: Identifier
    in_turn: bool


def grid_scratch(op: Recurrence, config: GridRecurrenceConfig) -> tuple[ScratchParameter, ...]:
    """The scratch memory of OP under CONFIG."""
    directions = len(op.reverse)
    return (
        ScratchParameter(WORKSPACE, op.x.type.dtype, 2 * directions * op.hidden * config.rows),
        ScratchParameter(COUNTERS, U32, directions + 1, "counters"),
    )


def grid_recurrence_spec(
    request: Request, op: Recurrence, config: GridRecurrenceConfig, signature: Signature
) -> GridRecurrenceSpec:
    """The spec of OP under CONFIG."""
    layout = layout_of(op, config)
    return GridRecurrenceSpec(
        **op_fields(request, op, signature),
        **layout_fields(op, layout),
        chunks=-(-op.batch // config.rows) if isinstance(op.batch, int) else 2,
        blocks=config.blocks * config.beside(op),
        sent_elements=op.hidden * config.rows,
        workspace=Identifier(WORKSPACE),
        counters=Identifier(COUNTERS),
        in_turn=bool(config.in_turn),
    )
