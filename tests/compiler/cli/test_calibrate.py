"""`glassrt calibrate`: runs, tables and caches from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt import CalibrationTable, calibrate
from glassrt.compiler.precision.scales.calibrators import CALIBRATORS

from ...places import DIGITS
from .support import Glassrt

HELD_OUT = DIGITS.with_name("digits_test.npz")
FEW = ("--interpret", "--shape", "N=1,30,64", "--batches", 2)


@pytest.fixture(scope="module")
def made() -> CalibrationTable:
    """The table of the digits network from some of its held-out images."""
    return calibrate(DIGITS, HELD_OUT, device="interpret", shapes={"N": (1, 30, 64)}, limit=2)


@pytest.fixture
def table(made: CalibrationTable, tmp_path: Path) -> Path:
    """A file with that table."""
    path = tmp_path / "digits.table"
    made.save(path)
    return path


def test_it_writes_a_table_and_shows_the_calibrators_side_by_side(
    glassrt: Glassrt, made: CalibrationTable, tmp_path: Path
) -> None:
    path, cache = tmp_path / "t", tmp_path / "c"
    shown = glassrt("calibrate", DIGITS, HELD_OUT, "-o", path, "--trt-cache", cache, *FEW)
    written = CalibrationTable.load(path)
    assert written == made and written.histograms == made.histograms
    assert cache.read_text(encoding="utf-8") == written.to_trt_cache()
    for word in (*CALIBRATORS, "int8 scale", "relu_9_out", "25 tensors, 2 batches"):
        assert word in shown.stdout
    row = next(line for line in shown.stdout.splitlines() if line.startswith("relu_9_out"))
    entry = written["relu_9_out"]
    assert row.split()[1:3] == [f"{entry.scale():.6g}", "entropy"]
    assert f"{entry.estimates['mse'].int8:.1f}" in row
    assert "not an input, ignored: label" in shown.stderr


def test_json_has_what_the_table_has(glassrt: Glassrt, table: Path) -> None:
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, "--json", "-c", "mse")
    data = json.loads(shown.stdout)
    other = CalibrationTable.load(table).with_calibrator("mse")
    assert (data["model"], data["calibrator"], data["batches"]) == (other.model, "mse", 2)
    for entry in data["tensors"]:
        tensor = other[entry["name"]]
        assert (entry["scale"], entry["clip"], entry["chosen_by"]) == (tensor.scale(), tensor.clip, "mse")
        assert entry["fp8_scale"] == tensor.scale("fp8")
        assert entry["calibrators"]["entropy"]["clipped"] == tensor.estimates["entropy"].clipped
    assert len(data["tensors"]) == len(other.tensors)


def test_another_calibrator_is_chosen_without_a_run(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    before = table.read_bytes()
    again = tmp_path / "again.table"
    glassrt("calibrate", DIGITS, "--from-histograms", table, "--calibrator", "percentile", "-o", again)
    assert CalibrationTable.load(again) == CalibrationTable.load(table).with_calibrator("percentile")
    assert table.read_bytes() == before
    glassrt("calibrate", DIGITS, "--from-histograms", again, "--calibrator", "entropy", "-o", again)
    assert again.read_bytes() == before


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


def test_scales_go_out_as_a_quantized_model_and_come_back(
    glassrt: Glassrt, table: Path, tmp_path: Path
) -> None:
    int8 = ("--precision", "int8", "--target", "host")
    first, qdq = tmp_path / "first.plan", tmp_path / "qdq.onnx"
    glassrt("build", DIGITS, "-o", first, "--calibration", table, "--export-qdq", qdq, *int8)
    back, again = tmp_path / "back.table", tmp_path / "again.plan"
    shown = glassrt("calibrate", DIGITS, "--from-qdq", qdq, "-o", back)
    assert (
        "the quantized model lacks 19 of the model's 25 tensors, and has 0 that the model does not have"
        in shown.stderr
    )
    assert CalibrationTable.load(back)["relu_5_out"].chosen_by == "given"
    glassrt("build", DIGITS, "-o", again, "--calibration", back, *int8)
    assert again.read_bytes() == first.read_bytes()
    onnx.checker.check_model(onnx.load(qdq), full_check=True)
    glassrt("calibrate", DIGITS, "--from-qdq", tmp_path / "none.onnx", "-o", back, code=1)


@pytest.mark.parametrize("arguments", [("-p", "int8"), ("-p", "fp16"), ()], ids=str)
def test_scales_are_exported_where_there_are_some(
    glassrt: Glassrt, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    out = tmp_path / "qdq.onnx"
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", "--export-qdq", out, *arguments, code=2)
    assert "--export-qdq" in shown.stderr and not out.exists()


def test_a_table_of_another_model_is_refused(glassrt: Glassrt, table: Path) -> None:
    text = table.read_text(encoding="utf-8").replace(CalibrationTable.load(table).model, "feed")
    table.write_text(text, encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, code=1)
    assert "of another model" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give exactly one of DATA"),
        ((HELD_OUT, "--from-histograms", "t", "-o", "t"), "give exactly one of DATA"),
        ((HELD_OUT,), "give the file to write the table to"),
        ((HELD_OUT, "-o", "t", "-c", "kl"), "there is no calibrator kl"),
        ((HELD_OUT, "-o", "t", "--interpret", "-d", "host"), "--interpret uses no device"),
        ((HELD_OUT, "-o", "t", "--batches", "0"), "--batches"),
        ((HELD_OUT, "-o", "missing/t"), "there is no folder missing"),
    ],
)
def test_wrong_usage_is_refused(glassrt: Glassrt, arguments: tuple[object, ...], message: str) -> None:
    shown = glassrt("calibrate", DIGITS, *arguments, code=2)
    assert message in " ".join(shown.stderr.replace("│", " ").split())


def test_bad_data_is_refused(glassrt: Glassrt, tmp_path: Path) -> None:
    data = tmp_path / "bad.npz"
    np.savez(data, image=np.full((4, 1, 8, 8), np.nan, np.float32))
    shown = glassrt("calibrate", DIGITS, data, "-o", tmp_path / "t", "--interpret", code=1)
    assert "input 'image' holds NaN" in shown.stderr and not (tmp_path / "t").exists()


def test_a_damaged_table_is_named_with_its_line(glassrt: Glassrt, table: Path) -> None:
    table.write_text(table.read_text(encoding="utf-8").replace("batches 2", "batches two"), encoding="utf-8")
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, code=1)
    assert "error: batches is a whole number, not 'two'\n  at digits.table:7:9\n" in shown.stderr
