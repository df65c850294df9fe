"""The spec of a recurrent kernel by wgmma for its template."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.graph.recurrence import Recurrence
from ...request.request import Request
from ...request.signature import Signature
from ..contraction.problem import COPY_BYTES
from ..recurrence.spec import RecurrentSpec, op_fields
from .config import AHEAD, BARRIER_BYTES, WgmmaRecurrenceLayout

TEMPLATE, HEADER = "kernels/recurrence_wgmma.cu.j2", "wgmma_registers"


@dataclass(frozen=True, kw_only=True)
class WgmmaRecurrenceSpec(RecurrentSpec):
    """The spec of a recurrent kernel by wgmma: its sizes and configuration.

    rows: the sequences of a cluster; steps: products along k, of which each block has `own_steps`; pieces:
    of a state. Inputs of `slots` steps are in shared memory, loaded `ahead` steps before they are read. Parts
    of shared memory begin at the `_at` bytes.
    """

    cluster: int
    warpgroups: int
    threads: int
    units: int
    tiles: int
    rows: int
    steps: int
    own_steps: int
    pieces: int
    state_elements: int
    own_elements: int
    input_elements: int
    slots: int
    ahead: int
    zeroed: int
    states_at: int
    inputs_at: int
    ends_at: int
    aligned: bool = True  # a state is a whole number of 16 bytes
    width: int = 2  # bytes of an element

    @property
    def sources(self) -> int:
        """Blocks of a piece."""
        return self.cluster // self.pieces

    def sent(self, piece: int) -> int:
        """Bytes of PIECE that arrive: all but the block's own, which is of the first."""
        return (self.sources - (piece == 0)) * self.own_elements * 2


def wgmma_recurrence_spec(
    request: Request, op: Recurrence, layout: WgmmaRecurrenceLayout, signature: Signature
) -> WgmmaRecurrenceSpec:
    """The spec of OP, laid out as LAYOUT."""
    config = layout.config
    inputs_at = BARRIER_BYTES + layout.state_bytes
    return WgmmaRecurrenceSpec(
        **op_fields(request, op, signature),
        cluster=config.cluster,
        warpgroups=config.warpgroups,
        threads=config.threads,
        units=config.units,
        tiles=config.tiles,
        rows=config.rows,
        steps=layout.steps,
        own_steps=config.warpgroups,
        pieces=config.pieces,
        state_elements=layout.state_elements,
        own_elements=layout.own_elements,
        input_elements=layout.input_elements,
        slots=layout.slots,
        ahead=AHEAD,
        zeroed=layout.state_bytes // COPY_BYTES,
        states_at=BARRIER_BYTES,
        inputs_at=inputs_at,
        ends_at=inputs_at + layout.slots * layout.input_elements * 2,
    )
