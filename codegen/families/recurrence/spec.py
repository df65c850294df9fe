"""The spec of a recurrent kernel for its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....dialects.core.dtypes import F32
from ....dialects.core.ir import Value
from ....dialects.graph.recurrence import Gru, Lstm, Recurrence
from ...request.describe import title
from ...request.request import Request
from ...request.signature import Signature
from ...text.affine_c import dim_to_c
from ...text.literals import c_type, literal
from ...text.render import Code, Identifier
from ..contraction.problem import COPY_BYTES
from .config import BARRIER_BYTES, WIDE, RecurrenceLayout
from .functions import LSTM_FUNCTIONS, Activations, activations

TEMPLATE = "kernels/recurrence.cu.j2"
ALIGNED = 8  # elements of 16 bytes


@dataclass(frozen=True, kw_only=True)
class RecurrentSpec:
    """What the spec of any recurrent kernel has: the op, and the C names of buffers, None if absent.

    kind: which gates there are; activations: their functions; time: the steps of sequences, as an expression;
    trips: their number, 2 where it is not known; weights_known: whether no kernel before writes them;
    resets_state: whether a state is reset before its product, which has to be sent, too.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    type: Identifier
    kind: Identifier
    activations: Activations
    reverse: Identifier
    time: Code
    trips: int
    batch: Code
    directions: int
    hidden: int
    gates: int
    weights_known: bool
    memory_states: bool
    resets_state: bool
    coupled: bool
    clip: Code | None
    x: Identifier
    weights: Identifier
    scales: Identifier | None
    initial: Identifier | None
    memory: Identifier | None
    lengths: Identifier | None
    peepholes: Identifier | None
    bias: Identifier | None
    y: Identifier
    last: Identifier
    last_memory: Identifier | None

    @property
    def joins_gates(self) -> bool:
        """Whether a cell of an LSTM has the usual functions, whose parts can share reciprocals."""
        return self.activations.names == LSTM_FUNCTIONS and not self.coupled

    @property
    def reads_cells(self) -> bool:
        """Whether cells read something before the first step."""
        return any((self.initial, self.memory, self.lengths, self.peepholes, self.bias))


@dataclass(frozen=True, kw_only=True)
class RecurrenceSpec(RecurrentSpec):
    """The spec of a recurrent kernel by mma, or in f32: its sizes and configuration.

    steps: those of k of a warp, of which `kept` have their weights in registers. Parts of shared memory begin
    at the `_at` bytes. wide: sums that are moved at a time between the warps of a group; padded: whether a
    group may have no units; aligned: whether a state is a whole number of 16 bytes. chunk: elements of 16
    bytes, of `width` each; by_thread: whether each thread multiplies by itself, in f32. word: the type of the
    weights of eight units along k.
    """

    parts: int
    units: int
    halves: int
    cluster: int
    groups: int
    splits: int
    warps: int
    threads: int
    tiles: int
    rows: int
    state_elements: int
    steps: int
    kept: int
    chains: int
    cells: int
    own: int
    wide: int
    copies: int
    sent: int
    zeroed: int
    states_at: int
    staged_at: int
    sums_at: int
    weights_at: int
    padded: bool
    aligned: bool
    chunk: int
    by_thread: bool
    width: int
    weight_type: Identifier
    word: Identifier


def op_fields(request: Request, op: Recurrence, signature: Signature) -> dict[str, Any]:
    """The fields of `RecurrentSpec` for OP."""
    names, reads, writes = signature.symbols, signature.buffers(request), signature.outputs
    return {
        "name": Identifier(request.name),
        "title": title(request),
        "parameters": signature.parameters,
        "index_type": Identifier(signature.index_type),
        "type": Identifier(c_type(op.x.type.dtype)),
        "kind": Identifier(op.name.removeprefix("graph.")),
        "activations": activations(op.activations, op.x.type.dtype == F32),
        "reverse": Identifier(op.direction),
        "time": Code(dim_to_c(op.steps, names)),
        "trips": op.steps if isinstance(op.steps, int) else 2,
        "batch": Code(dim_to_c(op.batch, names)),
        "directions": len(op.reverse),
        "hidden": op.hidden,
        "gates": op.gates,
        "weights_known": _known(request, op),
        "memory_states": isinstance(op, Lstm),
        "resets_state": isinstance(op, Gru) and not op.linear,
        "coupled": isinstance(op, Lstm) and op.coupled,
        "clip": Code(literal(op.clip, F32)) if op.clip else None,
        "x": Identifier(reads[op.x]),
        "weights": Identifier(reads[op.weights]),
        "scales": _name(reads, op.factors),
        "initial": _name(reads, op.initial),
        "memory": _name(reads, op.memory if isinstance(op, Lstm) else None),
        "lengths": _name(reads, op.lengths),
        "peepholes": _name(reads, op.peepholes if isinstance(op, Lstm) else None),
        "bias": _name(reads, op.bias if isinstance(op, Gru) else None),
        "y": Identifier(writes[0]),
        "last": Identifier(writes[1]),
        "last_memory": Identifier(writes[2]) if isinstance(op, Lstm) else None,
    }


def recurrence_spec(
    request: Request, op: Recurrence, layout: RecurrenceLayout, signature: Signature
) -> RecurrenceSpec:
    """The spec of OP, laid out as LAYOUT."""
    return RecurrenceSpec(**op_fields(request, op, signature), **layout_fields(op, layout))


def layout_fields(op: Recurrence, layout: RecurrenceLayout) -> dict[str, Any]:
    """The other fields of `RecurrenceSpec`."""
    config = layout.config
    staged_at = BARRIER_BYTES + layout.state_bytes
    sums_at = staged_at + layout.staged_bytes
    return {
        "parts": layout.parts,
        "units": layout.units,
        "halves": layout.halves,
        "cluster": config.cluster,
        "groups": config.groups,
        "splits": config.splits,
        "warps": config.warps,
        "threads": config.threads,
        "tiles": config.tiles,
        "rows": config.rows,
        "state_elements": layout.state_elements,
        "steps": layout.steps,
        "kept": layout.kept,
        "chains": layout.chains,
        "cells": layout.cells,
        "own": layout.own_cells,
        "wide": layout.gates if layout.gates == 4 else 1,
        "copies": config.copies,
        "sent": layout.sent_bytes,
        "zeroed": (layout.state_bytes + layout.staged_bytes) // COPY_BYTES,
        "states_at": BARRIER_BYTES,
        "staged_at": staged_at,
        "sums_at": sums_at,
        "weights_at": sums_at + layout.sums_bytes,
        "padded": layout.units * (config.cluster * config.groups - 1) >= layout.hidden,
        "aligned": layout.hidden % ALIGNED == 0,
        "chunk": COPY_BYTES // config.width,
        "by_thread": config.width == WIDE,
        "width": config.width,
        "weight_type": Identifier(c_type(op.weights.type.dtype)),
        "word": Identifier("Bytes" if layout.byte_weights else "Words"),
    }


def _known(request: Request, op: Recurrence) -> bool:
    """Whether no kernel writes the weights of OP, nor their scales, which are loaded together."""
    arguments = request.region.arguments
    return all(arguments.index(value) in request.weights for value in {op.weights, *op.exact})


def _name(reads: Mapping[Value, str], value: Value | None) -> Identifier | None:
    return None if value is None else Identifier(reads[value])
