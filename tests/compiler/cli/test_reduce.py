"""The command `glassrt reduce`."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from glassrt.compiler.files.arrays import read_arrays

from benchmarks.common.encoder_model import SMALL, encoder_model

from ...places import DIGITS
from .support import Glassrt

POOLS = "grep -q MaxPool {model} && exit 3"


def test_the_smallest_model_is_written_with_its_inputs(glassrt: Glassrt, tmp_path: Path) -> None:
    before, small = DIGITS.read_bytes(), tmp_path / "small.onnx"
    result = glassrt("reduce", DIGITS, "-o", small, "--fails", POOLS)
    assert "nodes:  MaxPool" in result.stdout and "models tried" in result.stdout
    assert "fewer nodes: " in result.stderr and "fewer sizes: " in result.stderr  # progress
    assert [node.op_type for node in onnx.load(small).graph.node] == ["MaxPool"]
    assert len(read_arrays(tmp_path / "small.npz")) == 1
    assert DIGITS.read_bytes() == before


def test_a_reproducer_is_written_and_json_says_what_is_left(glassrt: Glassrt, tmp_path: Path) -> None:
    small, folder = tmp_path / "small.onnx", tmp_path / "repro"
    result = glassrt(
        *("reduce", DIGITS, "-o", small, "--fails", POOLS, "--trials", 5, "--target", "host"),
        *("--reproducer", folder, "--json"),
    )
    facts = json.loads(result.stdout)
    assert facts["trials"] == 5 and not facts["done"] and facts["after"]["nodes"] < facts["before"]["nodes"]
    assert {"kernels.cu", "driver.cpp", "program.inc", "launch.ir"} <= {p.name for p in folder.iterdir()}


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "give one of --fails, --wrong and --slow"),
        (["--wrong", "--slow", "2"], 2, "give one of"),
        (["--wrong", "--says", "x"], 2, "these are for --fails"),
        (["--wrong", "--hangs"], 2, "these are for --fails"),
        (["--fails", "true"], 1, "succeeds on the model"),
        (["--fails", "sleep 9 #", "--limit", "0.2"], 1, "took too long"),
    ],
)
def test_what_is_no_fault_is_told(
    glassrt: Glassrt, tmp_path: Path, options: list[str], code: int, says: str
) -> None:
    result = glassrt("reduce", DIGITS, "-o", tmp_path / "small.onnx", *options, code=code)
    assert says in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_calibration_table_serves_smaller_models(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    options = ("-p", "int8", "--calibration", table, "--tolerance", "1e-9", "--device", "host")
    glassrt("reduce", DIGITS, "-o", small, "--wrong", *options, "--trials", 12)
    assert len(onnx.load(small).graph.node) < len(onnx.load(DIGITS).graph.node)


def test_a_mask_of_tokens_is_drawn_as_one(glassrt: Glassrt, tmp_path: Path) -> None:
    path, small = tmp_path / "net.onnx", tmp_path / "small.onnx"
    path.write_bytes(encoder_model(SMALL, "filled").SerializeToString())
    options = ("--unpadded", "attention_mask", "--device", "host", "--size", "N=2", "--size", "S=4")
    shown = glassrt("reduce", path, "-o", small, "--wrong", *options, code=1)
    assert "does not show the fault: within bounds" in shown.stderr
