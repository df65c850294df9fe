"""`glassrt calibrate`: runs, tables and caches from the command line."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from glassrt import CalibrationTable
from glassrt.compiler.precision.scales.calibrators import CALIBRATORS

from ...places import DIGITS
from .support import Glassrt

HELD_OUT = DIGITS.with_name("digits_test.npz")
FEW = ("--interpret", "--shape", "N=1,30,64", "--batches", 2)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give exactly one of DATA"),
        ((HELD_OUT, "--from-histograms", "t", "-o", "u"), "give exactly one of DATA"),
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
