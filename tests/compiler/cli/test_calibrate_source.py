"""Where `glassrt calibrate` takes a table from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from glassrt import CalibrationTable

from ...places import DIGITS
from .support import Glassrt


def test_a_cache_of_tensorrt_becomes_a_table(glassrt: Glassrt, tmp_path: Path) -> None:
    cache, table = tmp_path / "c", tmp_path / "t"
    cache.write_text("TRT-8601-EntropyCalibration2\nimage: 3c010204\nother: 3c010204\n", encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-trt-cache", cache, "-o", table)
    assert CalibrationTable.load(table)["image"].clip == pytest.approx(1.0)
    assert "lacks 24 of the model's 25 tensors, and has 1 that the model does not have" in shown.stderr
    cache.write_text("TRT-8601-EntropyCalibration2\nother: 3c010204\n", encoding="utf-8")
    assert (
        "none of the model's tensors"
        in glassrt("calibrate", DIGITS, "--from-trt-cache", cache, "-o", table, code=1).stderr
    )


def test_ranges_of_onnx_runtime_become_a_table(glassrt: Glassrt, tmp_path: Path) -> None:
    given, table = tmp_path / "calibration.json", tmp_path / "t"
    given.write_text('{"image": {"lowest": -2.0, "highest": 1.0}}', encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-onnx-runtime", given, "-o", table)
    assert CalibrationTable.load(table)["image"].clip == pytest.approx(2.0)
    assert "the calibration lacks 24 of the model's 25 tensors" in shown.stderr


def test_another_calibrator_is_chosen_without_a_run(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    before = table.read_bytes()
    again = tmp_path / "again.table"
    glassrt("calibrate", DIGITS, "--from-histograms", table, "--calibrator", "percentile", "-o", again)
    assert CalibrationTable.load(again) == CalibrationTable.load(table).with_calibrator("percentile")
    assert table.read_bytes() == before
    glassrt("calibrate", DIGITS, "--from-histograms", again, "--calibrator", "entropy", "-o", again)
    assert again.read_bytes() == before


def test_a_table_of_another_model_is_refused(glassrt: Glassrt, table: Path) -> None:
    text = table.read_text(encoding="utf-8").replace(CalibrationTable.load(table).model, "feed")
    table.write_text(text, encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, code=1)
    assert "belongs to another model" in shown.stderr


def test_bad_data_is_refused(glassrt: Glassrt, tmp_path: Path) -> None:
    data = tmp_path / "bad.npz"
    np.savez(data, image=np.full((4, 1, 8, 8), np.nan, np.float32))
    shown = glassrt("calibrate", DIGITS, data, "-o", tmp_path / "t", "--interpret", code=1)
    assert "input 'image' holds NaN" in shown.stderr and not (tmp_path / "t").exists()


def test_a_damaged_table_is_named_with_its_line(glassrt: Glassrt, table: Path) -> None:
    table.write_text(table.read_text(encoding="utf-8").replace("batches 2", "batches two"), encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, code=1)
    assert f"error: batches is a whole number, not 'two'\n  at {table}:7:9\n" in shown.stderr
