"""Histograms of a calibration table with the clips that its calibrators propose."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import CalibrationError
from ...precision.scales.histogram import Histogram
from ...precision.scales.table import CalibrationTable
from ..facts import Facts

BARS = 128


def clips_of(table: CalibrationTable, facts: Facts) -> list[dict[str, Any]]:
    """The tensors of TABLE as JSON data: clips by calibrator, and a histogram of magnitudes if it was kept.

    Raises CalibrationError where the model of FACTS has none of these tensors.
    """
    if table.tensors and not any(name in facts for name in table.tensors):
        name = next(iter(table.tensors))
        raise CalibrationError(
            "the calibration table is of another model", f"the plan's model has no tensor {name!r}"
        )
    return [
        {
            "name": name,
            "clip": tensor.clip,
            "by": tensor.chosen_by,
            "clips": {key: each.clip for key, each in tensor.estimates.items()},
            "histogram": _bars(table.histograms[name]) if name in table.histograms else None,
        }
        for name, tensor in table.tensors.items()
    ]


def _bars(histogram: Histogram) -> dict[str, Any]:
    """HISTOGRAM up to the largest magnitude in BARS bars at most; `zeros` are in none of them."""
    counts = histogram.nonzero_counts()
    used = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 1
    run = -(-used // BARS)
    padded = np.zeros(-(-used // run) * run, np.int64)
    padded[:used] = counts[:used]
    sums = padded.reshape(-1, run).sum(axis=1)
    return {"width": run * histogram.bin_width, "counts": sums.tolist(), "zeros": histogram.zeros}
