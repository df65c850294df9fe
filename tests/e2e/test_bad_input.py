"""Whatever is wrong with what the user gives, one typed error says so; nothing half-written is left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.cli.app import app
from glassrt.errors import GlassError, InputError, IRError, ModelError, PlanError, UnsupportedError
from glassrt.runtime.engine import Engine
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from .networks import NETWORKS

FAILED, USAGE, UNSUPPORTED = 1, 2, 3
GOOD = NETWORKS["shufflenet"]("N").SerializeToString()
RELU = helper.make_node("Relu", ["x"], ["y"], name="only")


def one_node(**changes: Any) -> ModelProto:
    """A model of one Relu, with parts of it changed."""
    graph = helper.make_graph(
        changes.get("nodes", [RELU]),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_empty_tensor_value_info(changes.get("output", "y"))],
        changes.get("weights", []),
    )
    opset = helper.make_opsetid(changes.get("domain", ""), changes.get("opset", 18))
    return helper.make_model(graph, opset_imports=[opset], ir_version=changes.get("ir_version", 9))


def stored_elsewhere(location: str) -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def adding(weight: TensorProto) -> ModelProto:
    return one_node(nodes=[helper.make_node("Add", ["x", "w"], ["y"])], weights=[weight])


CYCLE = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
BAD_MODELS: dict[str, tuple[bytes | ModelProto, int, str]] = {
    "text": (b"this is no model\n" * 9, FAILED, "not an ONNX model"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), FAILED, "not an ONNX model"),
    "nothing": (b"", FAILED, "IR version"),
    "half of one": (GOOD[: len(GOOD) // 2], FAILED, "not an ONNX model"),
    "an opset that never was": (one_node(opset=0), FAILED, "opset 0"),
    "an opset to come": (one_node(opset=999), FAILED, "opset 999"),
    "an IR version to come": (one_node(ir_version=99), FAILED, "IR version 99"),
    "a foreign domain": (one_node(domain="com.example"), FAILED, "opset"),
    "a name that is no text": (
        one_node(nodes=[helper.make_node("Relu", ["x"], ["y"], name="NAME")])
        .SerializeToString()
        .replace(b"NAME", b"\xff\xfeAM"),
        FAILED,
        "not UTF-8",
    ),
    "a cycle": (one_node(nodes=CYCLE, output="b"), FAILED, "cyclic"),
    "an output of nothing": (one_node(output="z"), FAILED, "no node computes"),
    "missing external data": (adding(stored_elsewhere("w.bin")), FAILED, "cannot be opened"),
    "external data outside": (adding(stored_elsewhere("../w.bin")), FAILED, "not a path inside"),
    "an unknown op": (
        one_node(nodes=[helper.make_node("Frobnicate", ["x"], ["y"], name="odd")]), UNSUPPORTED, "odd"
    ),
    "a hostile name": (
        one_node(nodes=[helper.make_node("Relu", ["*/\n\x1b[2J\0"], ["y"])]), FAILED, "no node computes"
    ),
}  # fmt: skip


def command(*arguments: str | Path) -> Result:
    """Run `glassrt` in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def check_refusal(result: Result, code: int, words: str) -> None:
    """An exit code, one message instead of a traceback, nothing that steers a terminal."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.stderr
    assert re.search(words, result.stderr), result.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", result.stderr)


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_bad_model_is_a_typed_error_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    content, code, words = BAD_MODELS[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    expected = UnsupportedError if code == UNSUPPORTED else ModelError
    with pytest.raises(expected, match=words) as caught:
        glassrt.compile(path, target="host")
    assert caught.value.exit_code == code
    assert str(tmp_path) not in str(caught.value)
    check_refusal(command("build", path, "-o", tmp_path / "out.plan"), code, words)
    assert os.listdir(tmp_path) == ["model.onnx"]


@settings(max_examples=40)
@given(length=st.integers(0, len(GOOD) - 1))
def test_every_truncation_is_a_typed_error(length: int) -> None:
    with pytest.raises(GlassError):
        glassrt.compile(GOOD[:length], target="host")


@settings(max_examples=30)
@given(position=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_damaged_byte_is_a_typed_error_or_another_model(position: int, value: int) -> None:
    damaged = bytearray(GOOD)
    damaged[position] = value
    try:
        plan = glassrt.compile(bytes(damaged), target="host", cache=False)
    except GlassError:
        return
    assert plan.sources


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "unreadable"])
@pytest.mark.parametrize("suffix", [".onnx", ".ir", ".plan"])
def test_what_is_no_file_is_a_typed_error(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"odd{suffix}"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "unreadable":
        path.write_bytes(GOOD)
        path.chmod(0)
        if os.access(path, os.R_OK):  # the superuser may read anything; nothing to see here
            path.unlink()
    with pytest.raises(PlanError if suffix == ".plan" else ModelError):
        glassrt.load(path) if suffix == ".plan" else glassrt.compile(path, target="host")


# ---------------------------------------------------------------- IR text


IR = """module @m {
  symbol N in [1, 4, 8]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<Nx4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = graph.relu %x : tensor<Nx4xf32>
    core.return %0
  }
}
"""
BAD_IR: dict[str, tuple[str, str]] = {
    "empty": ("", r"bad\.ir:1:1"),
    "unknown op": (IR.replace("graph.relu", "graph.relux"), r"bad\.ir:4:\d+\n.*relux"),
    "unknown value": (IR.replace("relu %x", "relu %z"), r"bad\.ir:4:\d+"),
    "wrong type": (IR.replace(": tensor<Nx4xf32>\n", ": tensor<Nx5xf32>\n"), r"bad\.ir:[34]"),
    "wrong result": (IR.replace("-> (tensor<Nx4xf32>)", "-> (tensor<Nx9xf32>)"), r"bad\.ir:"),
    "no end": (IR[:-3], r"bad\.ir:\d+"),
    "range upside down": (IR.replace("[1, 4, 8]", "[8, 4, 1]"), r"bad\.ir:2"),
    "missing weight": (IR.replace("graph.relu %x", "graph.constant @w0"), r"@w0"),
}


def test_the_good_text_builds(tmp_path: Path) -> None:
    path = tmp_path / "good.ir"
    path.write_text(IR)
    x = np.array([[1, -1, 2, -2]], np.float32)
    (y,) = glassrt.load(glassrt.compile(path, target="host"), device="host").run({"x": x}).values()
    np.testing.assert_array_equal(y, np.maximum(x, 0))


@pytest.mark.parametrize("name", BAD_IR)
def test_bad_ir_text_is_located(name: str, tmp_path: Path) -> None:
    text, place = BAD_IR[name]
    path = tmp_path / "bad.ir"
    path.write_text(text)
    with pytest.raises(IRError, match=place):
        glassrt.compile(path, target="host")
    check_refusal(command("build", path, "-o", tmp_path / "out.plan"), FAILED, place)
    assert os.listdir(tmp_path) == ["bad.ir"]


def test_other_bytes_as_ir_text(tmp_path: Path) -> None:
    path = tmp_path / "bad.ir"
    for content in (b"\xff\xfe\x00", GOOD, b"\0" * 100, b"module @m {" + b"\n" * 10_000):
        path.write_bytes(content)
        with pytest.raises(IRError):
            glassrt.compile(path, target="host")


def test_a_damaged_sidecar_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "good.ir").write_text(IR)
    for content in (b"", b"{}", b"\xff" * 64, (10).to_bytes(8, "little") + b"{" * 10):
        (tmp_path / "good.weights").write_bytes(content)
        with pytest.raises(IRError, match=r"good\.weights"):
            glassrt.compile(tmp_path / "good.ir", target="host")


# ---------------------------------------------------------------- options of a build


BAD_OPTIONS: dict[str, tuple[dict[str, Any], type[GlassError]]] = {
    "precision": ({"precision": "fp12"}, UnsupportedError),
    "target": ({"target": "sm_1"}, UnsupportedError),
    "no target": ({"target": []}, InputError),
    "target of no text": ({"target": [90]}, InputError),
    "symbol": ({"shapes": {"M": (1, 2, 3)}}, InputError),
    "range": ({"shapes": {"N": (3, 2, 1)}}, InputError),
    "range of one": ({"shapes": {"N": (1,)}}, InputError),
    "input": ({"inputs": {"nobody": [1, 8, 8, 8]}}, InputError),
    "rank": ({"inputs": {"image": [1, 8]}}, InputError),
    "size": ({"inputs": {"image": [-1, 8, 8, 8]}}, InputError),
    "channels": ({"inputs": {"image": [1, 7, 8, 8]}}, ModelError),
    "calibration": ({"calibration": []}, InputError),
    "tune": ({"tune": 1}, InputError),
    "time to tune": ({"tune": 3, "tune_seconds": 0.0}, InputError),
    "lock": ({"lock": "nowhere.lock"}, InputError),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options_are_typed_errors(name: str) -> None:
    options, expected = BAD_OPTIONS[name]
    with pytest.raises(expected):
        glassrt.compile(GOOD, **{"target": "host", **options})


# ---------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def engine() -> Engine:
    plan = glassrt.compile(one_node(), target="host", shapes={"N": (2, 4, 8)})
    return glassrt.load(plan, device="host")


X = np.ones((4, 4), np.float32)
BAD_INPUTS: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "wrong names"),
    "another name": ({"y": X}, "wrong names"),
    "one too many": ({"x": X, "y": X}, "wrong names"),
    "no mapping": ([X], "mapping"),
    "a list": ({"x": [[1.0] * 4]}, "numpy array or a DLPack tensor"),
    "another type": ({"x": X.astype(np.float64)}, "wrong type"),
    "another rank": ({"x": X[0]}, "number of dimensions"),
    "another size": ({"x": np.ones((4, 5), np.float32)}, "wrong size in axis 1"),
    "below the range": ({"x": X[:1]}, "outside its range 2..8"),
    "above the range": ({"x": np.ones((9, 4), np.float32)}, "outside its range 2..8"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs_of_a_run_say_what_is_wanted(engine: Engine, name: str) -> None:
    inputs, words = BAD_INPUTS[name]
    with pytest.raises(InputError, match=words):
        engine.run(inputs)
    np.testing.assert_array_equal(engine.run({"x": X})["y"], X)


# ---------------------------------------------------------------- files that cannot be written


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(one_node().SerializeToString())
    return path


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_old_plan(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.plan"
    plan = glassrt.compile(model_file, target="host")
    plan.save(output)
    before = output.read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(PlanError, match="No space left"):
        plan.save(output)
    assert output.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["model.onnx", "out.plan"]


BAD_OUTPUTS: dict[str, tuple[Callable[[Path], Path], int, str]] = {
    "a folder": (lambda folder: folder, USAGE, "regular file"),
    "no folder": (lambda folder: folder / "missing" / "out.plan", USAGE, "no folder"),
    "below a file": (lambda folder: folder / "model.onnx" / "out.plan", USAGE, "no folder"),
    "a device": (lambda folder: Path("/dev/full"), USAGE, "regular file"),
}


@pytest.mark.parametrize("name", BAD_OUTPUTS)
def test_an_impossible_output_is_refused_before_the_work(name: str, model_file: Path, tmp_path: Path) -> None:
    place, code, words = BAD_OUTPUTS[name]
    result = command("build", model_file, "-t", "host", "-o", place(tmp_path))
    check_refusal(result, code, words)
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_a_file_too_large_for_the_disk_leaves_nothing(model_file: Path, tmp_path: Path) -> None:
    """The limit on the size of a file stands in for a disk that fills up while the plan is written."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from glassrt.compiler.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "sys.argv[1:] = ['build', 'model.onnx', '-t', 'host', '-o', 'out.plan']\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == FAILED
    assert "cannot write out.plan" in result.stderr and "Traceback" not in result.stderr
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_the_commands_exit_codes(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built = command("build", model_file, "-t", "host", "-o", "out.plan")
    assert built.exit_code == 0, built.stderr
    assert command("run", "out.plan", "-d", "host").exit_code == 0
    (tmp_path / "cut.plan").write_bytes((tmp_path / "out.plan").read_bytes()[:-1])
    check_refusal(command("run", "cut.plan"), FAILED, "plan")
    check_refusal(command("run", "missing.plan"), FAILED, "cannot read")
    check_refusal(command("build", "model.onnx"), USAGE, "output")
    check_refusal(command("build", "model.onnx", "-o", "b.plan", "-p", "fp12"), USAGE, "fp12")
    check_refusal(command("build", "model.onnx", "-o", "b.plan", "-t", "sm_1"), USAGE, "sm_1")
    np.savez(tmp_path / "x.npz", x=np.ones((2, 5), np.float32))
    refused = command("run", "out.plan", "-d", "host", "-i", "x.npz", "-o", "y.npz")
    check_refusal(refused, FAILED, "wrong size")
    assert sorted(os.listdir(tmp_path)) == ["cut.plan", "model.onnx", "out.plan", "x.npz"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"model": 5}, glassrt.InputError),
        ({"model": None}, glassrt.InputError),
        ({"shapes": {"N": 5}}, glassrt.InputError),
        ({"shapes": [1]}, glassrt.InputError),
        ({"inputs": {"image": "N"}}, glassrt.InputError),
        ({"target": 5}, glassrt.InputError),
        ({"target": "sm_75"}, glassrt.UnsupportedError),
    ],
)
def test_arguments_of_the_wrong_kind_are_typed_errors(arguments, error) -> None:
    given = {"model": "no-such-file.onnx", "target": "host", **arguments}
    with pytest.raises(error):
        glassrt.compile(given.pop("model"), **given)
