"""The output of `glassrt calibrate --sensitivity`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..frontend.source import InputShapes, Shapes
from ..precision.scales.table import CalibrationTable
from ..search.quality import decibels
from ..search.sensitivity import OpSensitivity, Sensitivity, sensitivity
from .console import print_table, write_json
from .progress import BuildProgress


@dataclass(frozen=True)
class Subject:
    """The model to measure, the data to run it on, and how to run it; see `sensitivity`."""

    model: Path
    data: Path
    inputs: InputShapes
    shapes: Shapes
    device: str | None
    limit: int | None
    cache: bool


def show_sensitivity(
    subject: Subject, table: CalibrationTable, formats: Sequence[str], as_json: bool
) -> None:
    """Measure every op with the scales of TABLE, showing progress, and print the SQNRs, worst first."""
    with BuildProgress() as progress:
        found = sensitivity(
            subject.model,
            subject.data,
            formats=formats,
            calibration=table,
            device=subject.device,
            shapes=subject.shapes,
            inputs=subject.inputs,
            limit=subject.limit,
            cache=subject.cache,
            progress=progress.tell,
        )
    if as_json:
        write_json(found.to_json())
    else:
        _show(found)


def _show(found: Sensitivity) -> None:
    names = ", ".join(found.outputs)
    title = f"SQNR in dB at {names} if the op alone runs in eight bits ({found.batches} batches)"
    columns = ("ONNX nodes", "ops", *(f">{format}" for format in found.formats))
    print_table(title, columns, (_row(op, found.formats) for op in found.worst_first))
    refused = [op for op in found.ops if not op.noise]
    if refused:
        rows = [(_nodes(op), "; ".join(dict.fromkeys(op.candidate.refusals.values()))) for op in refused]
        print_table("not quantized", ("ONNX nodes", "reason"), rows)


def _row(op: OpSensitivity, formats: Sequence[str]) -> list[object]:
    ratios = [op.sqnr(format) for format in formats]
    return [_nodes(op), "+".join(op.candidate.ops), *map(_ratio, ratios)]


def _nodes(op: OpSensitivity) -> str:
    return ", ".join(op.candidate.nodes) or "-"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return "exact" if value == math.inf else decibels(value)
