"""The output of `glassrt calibrate`: the scales, and the figures of all calibrators side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..files.beside import histograms_beside
from ..precision.scales.calibrators import CALIBRATORS
from ..precision.scales.table import CalibrationTable, TensorCalibration
from ..report.presented import Block, Report, Table
from ..report.words import number


@dataclass(frozen=True, repr=False)
class TableReport(Report):
    """A calibration table, and the file that it was written to, if it was."""

    table: CalibrationTable
    output: Path | None = None

    def to_json(self) -> dict[str, Any]:
        return describe(self.table)

    def blocks(self) -> Iterable[Block]:
        return _blocks(self.table, self.output)


def describe(table: CalibrationTable) -> dict[str, Any]:
    """TABLE as JSON data; null stands for an infinite ratio or a figure that is not known."""
    return {
        "model": table.model,
        "calibrator": table.calibrator,
        "batches": table.batches,
        "tensors": [_tensor(name, tensor) for name, tensor in table.tensors.items()],
    }


def _tensor(name: str, tensor: TensorCalibration) -> dict[str, Any]:
    values = None if tensor.values is None else _finite(asdict(tensor.values))
    return {
        "name": name,
        "scale": float(tensor.scale()),
        "fp8_scale": float(tensor.scale("fp8")),
        "clip": tensor.clip,
        "chosen_by": tensor.chosen_by,
        "values": values,
        "calibrators": {key: _finite(asdict(row)) for key, row in tensor.estimates.items()},
    }


def _finite(figures: dict[str, float]) -> dict[str, float | None]:
    return {key: number(value) for key, value in figures.items()}


def _blocks(table: CalibrationTable, output: Path | None) -> Iterable[Block]:
    figured = any(tensor.estimates for tensor in table.tensors.values())
    columns = ("tensor", ">int8 scale", "chosen by", ">largest", *(f">{name}" for name in CALIBRATORS))
    rows = [_row(name, tensor, figured) for name, tensor in table.tensors.items()]
    title = "SQNR in dB (fp8 for mse-fp8, int8 for the others) and share of values clipped" if figured else ""
    yield Table(title, columns if figured else columns[:4], rows)
    seen = [(name, tensor.values) for name, tensor in table.tensors.items() if tensor.values]
    odd = [(name, v.nans, v.infinities, v.count) for name, v in seen if v.nans or v.infinities]
    if odd:
        yield Table("values that are not finite, ignored", ("tensor", ">NaN", ">infinite", ">of"), odd)
    if output is not None:
        beside = f", histograms in {histograms_beside(output).name}" if table.histograms else ""
        yield f"{output}: {len(table.tensors)} tensors, {table.batches} batches{beside}"


def _row(name: str, tensor: TensorCalibration, figured: bool) -> list[object]:
    values = tensor.values
    largest = "-" if values is None else f"{max(values.maximum, -values.minimum, 0.0):.4g}"
    first: list[object] = [name, f"{tensor.scale():.6g}", tensor.chosen_by, largest]
    return [*first, *(_figures(tensor, key) for key in CALIBRATORS)] if figured else first


def _figures(tensor: TensorCalibration, calibrator: str) -> str:
    row = tensor.estimates.get(calibrator)
    if row is None:
        return "-"
    return f"{row.fp8 if calibrator.endswith('fp8') else row.int8:.1f} {100 * row.clipped:.2g}%"
