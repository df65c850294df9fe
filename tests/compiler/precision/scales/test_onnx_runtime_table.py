"""What ONNX Runtime's calibration writes is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable
from glassrt.compiler.precision.scales.onnx_runtime_table import read_ranges
from onnxruntime.quantization import write_calibration_table
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData

TENSORS = {
    "x": TensorData(lowest=np.float32(-2.5), highest=np.float32(1.5)),
    "a b": TensorData(lowest=np.array(-1, np.float32), highest=np.array([3], np.float32)),
}


@pytest.fixture(params=["whole", "tensors"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the files that ONNX Runtime writes, for each of the two kinds of tables."""
    whole = TensorsData(CalibrationMethod.MinMax, TENSORS)
    write_calibration_table(whole if request.param == "whole" else whole.data, str(tmp_path))
    return tmp_path


def test_the_text_has_both_ends(folder: Path) -> None:
    assert read_ranges((folder / "calibration.json").read_bytes()) == {"x": 2.5, "a b": 3.0}


@pytest.mark.parametrize("name", ["calibration.cache", "calibration.flatbuffers"])
def test_the_others_have_the_larger_end(folder: Path, name: str) -> None:
    assert read_ranges((folder / name).read_bytes()) == {"x": 1.5, "a b": 3.0}


def test_a_table_is_made_of_it(folder: Path) -> None:
    content = (folder / "calibration.json").read_bytes()
    table = CalibrationTable.from_onnx_runtime(content, "model")
    assert (table["x"].clip, table["a b"].clip, table.model) == (2.5, 3.0, "model")


def test_a_tensor_of_zeros_has_no_range() -> None:
    assert read_ranges(b"x 0.0\ny 2\n") == {"y": 2.0}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"x": 1}',
        b'{"x": {"lowest": 1}}',
        b'{"x": {"lowest": [1, 2], "highest": 3}}',
        b"x\n",
        b"x y\n",
        b"\xff\xfe",
        b"\0",
        b"\xff\xff\xff\xff\0",
        b"x nan\n",
        b"x -1\n",
        json.dumps({"x": {"lowest": -1, "highest": float("inf")}}).encode(),
        b"{" * 100_000,
    ],
)
def test_what_is_wrong_with_it(content: bytes) -> None:
    with pytest.raises(CalibrationError, match="the file"):
        read_ranges(content, "the file")


def test_no_cut_of_a_buffer_is_read_as_another(folder: Path) -> None:
    whole = (folder / "calibration.flatbuffers").read_bytes()
    for size in range(1, len(whole) - 4):
        try:
            found = read_ranges(whole[:size])
        except CalibrationError:
            continue
        assert found.items() <= read_ranges(whole).items()
