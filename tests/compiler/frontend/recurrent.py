"""Nodes of LSTM, GRU and RNN on random operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...models import Array
from .nodes import Case, draw_anew, real

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 4, 6


def recurrent(
    op: str,
    *,
    direction: str = "forward",
    bias: bool = True,
    lengths: tuple[int, ...] | None = None,
    states: bool = False,
    peepholes: bool = False,
    layout: int = 0,
    opset: int = 14,
    **attributes: Any,
) -> Case:
    """A node with all outputs, on random operands."""
    draw_anew()
    count, rows = (2 if direction == "bidirectional" else 1), GATES[op] * HIDDEN
    arrays: list[Array | None] = [
        real(*((BATCH, STEPS) if layout else (STEPS, BATCH)), INPUTS),
        real(count, rows, INPUTS, low=-1, high=1),
        real(count, rows, HIDDEN, low=-1, high=1),
        real(count, 2 * rows) if bias else None,
        None if lengths is None else np.array(lengths, np.int32),
    ]
    shape = (BATCH, count, HIDDEN) if layout else (count, BATCH, HIDDEN)
    arrays += [real(*shape) if states else None for _ in range(2 if op == "LSTM" else 1)]
    if op == "LSTM":
        arrays.append(real(count, 3 * HIDDEN) if peepholes else None)
    while arrays[-1] is None:
        arrays.pop()
    given = {"hidden_size": HIDDEN, "direction": direction, **attributes}
    given |= {"layout": layout} if layout else {}
    return Case(op, (opset,), arrays, given, constant=(1, 2, 3), outputs=3 if op == "LSTM" else 2)


DIRECTIONS = ("forward", "reverse", "bidirectional")
