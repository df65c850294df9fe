"""Histograms and clips of a calibration table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable, Plan
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.pictures.clips import BARS, clips_of


@pytest.fixture
def facts(digits_plan: Path) -> Facts:
    return Facts.of(Plan.load(digits_plan))


def test_every_tensor_has_its_clips_and_all_of_its_elements(made: CalibrationTable, facts: Facts) -> None:
    found = clips_of(made, facts)
    assert [each["name"] for each in found] == list(made.tensors)
    for each in found:
        tensor, histogram = made.tensors[each["name"]], made.histograms[each["name"]]
        assert each["clip"] == tensor.clip and each["by"] == "entropy"
        assert each["clips"] == {key: row.clip for key, row in tensor.estimates.items()}
        bars = each["histogram"]
        assert len(bars["counts"]) <= BARS
        assert sum(bars["counts"]) + bars["zeros"] == histogram.finite
        assert bars["width"] * len(bars["counts"]) >= histogram.largest
        # The middle of the elements is where it was.
        wide = np.repeat(np.arange(len(bars["counts"])) + 0.5, bars["counts"]) * bars["width"]
        bins = histogram.bins()
        mean = ((bins.lower + bins.upper) / 2 * bins.weights).sum() / bins.weights.sum()
        assert wide.mean() == pytest.approx(mean, abs=bars["width"])


def test_tables_without_histograms_and_of_other_models(made: CalibrationTable, facts: Facts) -> None:
    bare = replace(made, histograms={})
    assert {each["histogram"] for each in clips_of(bare, facts)} == {None}
    other = replace(made, tensors={f"{name}_": each for name, each in made.tensors.items()})
    with pytest.raises(CalibrationError, match="another model"):
        clips_of(other, facts)
