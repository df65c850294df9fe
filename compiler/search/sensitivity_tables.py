"""How the sensitivity of a network is shown: the worst op first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..report.presented import Block, Table
from .quality import decibels

if TYPE_CHECKING:
    from .sensitivity import OpSensitivity, Sensitivity


def blocks_of(found: Sensitivity) -> Iterable[Block]:
    """What is shown of FOUND: a row for every op, then those that do not run in eight bits."""
    names = ", ".join(found.outputs)
    title = f"SQNR in dB at {names} if the op alone runs in eight bits ({found.batches} batches)"
    columns = ("ONNX nodes", "ops", *(f">{format}" for format in found.formats))
    yield Table(title, columns, [_row(op, found.formats) for op in found.worst_first])
    refused = [op for op in found.ops if not op.noise]
    if refused:
        rows = [(_nodes(op), "; ".join(dict.fromkeys(op.candidate.refusals.values()))) for op in refused]
        yield Table("not quantized", ("ONNX nodes", "reason"), rows)


def _row(op: OpSensitivity, formats: Iterable[str]) -> list[object]:
    ratios = [op.sqnr(format) for format in formats]
    return [_nodes(op), "+".join(op.candidate.ops), *map(_ratio, ratios)]


def _nodes(op: OpSensitivity) -> str:
    return ", ".join(op.candidate.nodes) or "-"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return "exact" if value == math.inf else decibels(value)
