"""What is wrong with calibration data, tables and scales: the same error from Python and the command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import glassrt as library
import numpy as np
import pytest
from glassrt import CalibrationError, CalibrationTable, GlassError, InputError, ModelError
from onnx import TensorProto, helper, numpy_helper

from ...places import DIGITS
from .support import Glassrt

SHAPE = (4, 1, 8, 8)


@pytest.fixture(scope="module")
def made() -> CalibrationTable:
    batch = {"image": np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)}
    return library.calibrate(DIGITS, [batch], device="interpret")


def refuse(shown: Any, error: type[GlassError], message: str) -> None:
    """SHOWN, of a command that failed, has MESSAGE, and no trace of Python."""
    assert re.search(message, " ".join(shown.stderr.split())), shown.stderr
    assert "Traceback" not in shown.output
    assert shown.exit_code == error.exit_code


NAN = np.full(SHAPE, np.nan, np.float32)
BATCHES = {
    "another shape": (
        np.zeros((4, 1, 9, 9), np.float32),
        r"batch 1: input 'image' has the shape \[4, 1, 9, 9\]",
    ),
    "another rank": (np.zeros((4, 64), np.float32), r"batch 1: input 'image' has the shape \[4, 64\]"),
    "another type": (np.zeros(SHAPE, np.float64), "input 'image' has elements of float64"),
    "NaN": (NAN, "input 'image' holds NaN"),
    "infinity": (np.where(np.isnan(NAN), np.inf, NAN).astype(np.float32), "input 'image' holds"),
}


@pytest.mark.parametrize("fault", BATCHES)
def test_a_bad_batch(glassrt: Glassrt, tmp_path: Path, fault: str) -> None:
    array, message = BATCHES[fault]
    with pytest.raises(InputError, match=message):
        library.calibrate(DIGITS, [{"image": array}], device="interpret")
    with pytest.raises(InputError, match=message):
        library.compile(DIGITS, target="host", precision="int8", calibration=[{"image": array}])
    folder = tmp_path / "data"
    folder.mkdir()
    np.savez(folder / "first.npz", image=array)
    shown = glassrt("calibrate", DIGITS, folder, "-o", tmp_path / "t", "--interpret", code=1)
    refuse(shown, InputError, message)
    assert not (tmp_path / "t").exists()


def test_no_batches(glassrt: Glassrt, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no batches"):
        library.calibrate(DIGITS, [], device="interpret")
    folder = tmp_path / "empty"
    folder.mkdir()
    shown = glassrt("calibrate", DIGITS, folder, "-o", tmp_path / "t", "--interpret", code=1)
    assert "empty" in shown.stderr and "Traceback" not in shown.output


def test_a_table_without_a_tensor(glassrt: Glassrt, made: CalibrationTable, tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in made.tensors.items() if name != "relu_5_out"}
    table = CalibrationTable(made.model, made.calibrator, made.batches, tensors)
    message = "no scale for 'relu_5_out'"
    with pytest.raises(CalibrationError, match=message):
        library.compile(DIGITS, target="host", precision="int8", calibration=table)
    with pytest.raises(CalibrationError, match=message):
        library.export_qdq(DIGITS, table)
    path = tmp_path / "less.table"
    table.save(path)
    arguments = ("build", DIGITS, "-o", tmp_path / "p", "-t", "host", "-p", "int8", "--calibration", path)
    refuse(glassrt(*arguments, code=1), CalibrationError, message)
    refuse(glassrt(*arguments, "--export-qdq", tmp_path / "q", code=1), CalibrationError, message)
    assert not (tmp_path / "p").exists() and not (tmp_path / "q").exists()


def test_a_table_of_another_model(glassrt: Glassrt, made: CalibrationTable, tmp_path: Path) -> None:
    table = CalibrationTable("feed", made.calibrator, made.batches, made.tensors)
    message = "made for another model: feed"
    with pytest.raises(CalibrationError, match=message):
        library.compile(DIGITS, target="host", precision="int8", calibration=table)
    path = tmp_path / "other.table"
    table.save(path)
    arguments = ("build", DIGITS, "-o", tmp_path / "p", "-t", "host", "-p", "int8", "--calibration", path)
    refuse(glassrt(*arguments, code=1), CalibrationError, message)


def test_int8_without_ranges(glassrt: Glassrt, tmp_path: Path) -> None:
    message = "int8 needs the ranges of the model's tensors"
    with pytest.raises(CalibrationError, match=message):
        library.compile(DIGITS, target="host", precision="int8")
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", "-t", "host", "-p", "int8", code=1)
    refuse(shown, CalibrationError, message)


@pytest.mark.parametrize("op", ["QuantizeLinear", "DequantizeLinear"])
@pytest.mark.parametrize(
    ("axis", "count", "message"),
    [(2, 4, "axis 2 is outside .*'scale'"), (0, 4, r"its scale 'scale' is .*for axis 0 .*\[3\] is expected")],
)
def test_scales_along_an_axis_that_is_none(
    glassrt: Glassrt, tmp_path: Path, op: str, axis: int, count: int, message: str
) -> None:
    stored = TensorProto.INT8 if op == "DequantizeLinear" else TensorProto.FLOAT
    node = helper.make_node(op, ["x", "scale", "zero"], ["y"], name="odd", axis=axis)
    graph = helper.make_graph(
        [node],
        "odd",
        [helper.make_tensor_value_info("x", stored, [3, 4])],
        [helper.make_empty_tensor_value_info("y")],
        [
            numpy_helper.from_array(np.full(count, 0.5, np.float32), "scale"),
            numpy_helper.from_array(np.zeros(count, np.int8), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    message = f"{op} node 'odd': .*{message}"
    with pytest.raises(ModelError, match=message):
        library.compile(model, target="host")
    path = tmp_path / "odd.onnx"
    path.write_bytes(model.SerializeToString())
    refuse(glassrt("build", path, "-o", tmp_path / "p", "-t", "host", code=1), ModelError, message)
    refuse(
        glassrt("calibrate", DIGITS, "--from-qdq", path, "-o", tmp_path / "t", code=1), ModelError, message
    )


# ---------------------------------------------------------------- one kind of file for another


def test_a_table_may_be_given_by_its_path(made: CalibrationTable, tmp_path: Path) -> None:
    path = tmp_path / "digits.table"
    made.save(path)
    for given in (path, str(path)):
        plan = library.compile(DIGITS, target="host", precision="int8", calibration=given)
        assert (
            plan.ledger == library.compile(DIGITS, target="host", precision="int8", calibration=made).ledger
        )


def test_a_table_is_no_data_and_data_no_table(
    glassrt: Glassrt, made: CalibrationTable, tmp_path: Path
) -> None:
    table, data = tmp_path / "digits.table", tmp_path / "data.npz"
    made.save(table)
    np.savez(data, image=np.zeros(SHAPE, np.float32))
    with pytest.raises(InputError, match=r"digits\.table is not a file of arrays\n.*as `calibration`"):
        library.calibrate(DIGITS, table, device="interpret")
    arguments = ("build", DIGITS, "-o", tmp_path / "p", "-p", "int8", "--calibration", data)
    refuse(glassrt(*arguments, code=1), CalibrationError, "is not UTF-8 text.*glassrt calibrate MODEL DATA")
