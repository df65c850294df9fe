"""`glassrt check`: the report on a model, against its witness."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.plan import assemble
from glassrt.codegen.plan.sources import MadeKernel
from glassrt.compiler.checking import network
from glassrt.compiler.precision.quantization import contractions
from glassrt.dialects.core.module import Module

from ...places import DIGITS
from .check_reports import report
from .support import Glassrt

HELD_OUT = DIGITS.with_name("digits_test.npz")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_digits_are_within_bounds(glassrt: Glassrt, precision: str) -> None:
    found = report(glassrt, DIGITS, "-d", "host", "-p", precision, "--size", "N=2")
    assert found["ok"] and found["symbols"] == {"N": 2} and found["witness"] == "ONNX Runtime"
    assert sorted(launch["index"] for launch in found["launches"]) == list(range(len(found["launches"])))
    assert all(launch["ok"] for launch in found["launches"])
    known = [launch for launch in found["launches"] if launch["total"] is not None]
    assert len(known) >= len(found["launches"]) - 1  # the padded copy of the input is no value of the graph
    bound = {"fp32": 256 * 2.0**-24, "fp16": 64 * 2.0**-11}[precision]
    for output in (*found["outputs"], *found["rewrites"]):
        assert output["name"] == "logits" and output["bound"] == bound
        assert output["error"]["relative_l2"] < bound


def test_a_bound_that_is_broken_ends_with_1(glassrt: Glassrt) -> None:
    result = glassrt("check", DIGITS, "-d", "host", "--size", "N=1", "--tolerance", "1e-12", code=1)
    assert "BEYOND" in result.stdout and "NOT within bounds" in result.stdout


def test_without_onnx_runtime_the_interpreter_is_the_witness(
    glassrt: Glassrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = report(glassrt, DIGITS, "-d", "host", "--size", "N=1")
    assert found["ok"] and found["witness"] == "the interpreter"
    assert found["witness_note"] == "onnxruntime is not installed"


@pytest.mark.parametrize("shape", [(1, 9), (1, 1), (10,)])
def test_another_shape_than_the_witness_has_is_beyond_every_bound(
    glassrt: Glassrt, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    monkeypatch.setattr(network, "onnx_outputs", lambda source, inputs: {"logits": np.ones(shape)})
    arguments = (DIGITS, "-d", "host", "--size", "N=1")
    result = glassrt("check", *arguments, "--tolerance", "1e9", code=1)
    problem = f"output 'logits' has shape [1, 10], not {list(shape)}"
    assert "BEYOND" in result.stdout and problem in result.stdout
    (output,) = report(glassrt, *arguments, code=1)["outputs"]
    assert not output["ok"] and output["problem"] == problem and output["error"]["relative_l2"] is None
    bisected = (DIGITS, "--size", "N=1", "--bisect", "--interpret")
    assert problem in glassrt("check", *bisected, code=1).stdout


def test_options_that_mean_nothing_are_refused(glassrt: Glassrt) -> None:
    glassrt("check", DIGITS, "--interpret", code=2)
    glassrt("check", DIGITS, "--bisect", "--interpret", "--device", "host", code=2)
    glassrt("check", DIGITS, "--tolerance", "-1", code=2)
    glassrt("check", DIGITS, "--size", "N=1000", "-d", "host", code=1)


def test_a_fault_planted_in_one_kernel_is_named(glassrt: Glassrt, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of one launch is changed behind the compiler's back: it stands at the top, alone."""
    sound = report(glassrt, DIGITS, "-d", "host", "--size", "N=2")
    made_kernels = assemble.made_kernels
    planted: list[str] = []

    def spoilt(module: Module, target: ArchSpec) -> dict[str, MadeKernel]:
        made = made_kernels(module, target)
        name = next(name for name in made if "conv_add_relu" in name)
        changed, count = re.subn(r"m_max\((\w+), 0x0p\+0f\)", r"(\1)", made[name].source)
        assert count
        planted.append(name)
        return made | {name: replace(made[name], source=changed)}

    monkeypatch.setattr(assemble, "made_kernels", spoilt)
    found = report(glassrt, DIGITS, "-d", "host", "--size", "N=2", code=1)
    top, *others = found["launches"]
    assert not found["ok"] and [top["kernel"]] == planted and not top["ok"]
    assert all(launch["ok"] for launch in others) and all(launch["ok"] for launch in sound["launches"])
    assert any(launch["inherited"] > 1e-3 for launch in others)


def test_what_eight_bits_cost_is_told_apart_from_the_compilers_errors(
    glassrt: Glassrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = np.load(HELD_OUT)["image"]
    np.savez(tmp_path / "x.npz", image=data[:6])
    options = ("--shape", "N=1,30,64", "--batches", 2, "--interpret")
    glassrt("calibrate", DIGITS, HELD_OUT, "-o", tmp_path / "t", *options)
    arguments = (
        DIGITS,
        "-d",
        "host",
        "-p",
        "int8",
        "--calibration",
        tmp_path / "t",
        "-i",
        tmp_path / "x.npz",
    )
    found = report(glassrt, *arguments)
    (compiler,), (loss,) = found["quantization"]["compiler_error"], found["quantization"]["loss"]
    assert compiler["ok"] and compiler["error"]["relative_l2"] < 1e-5 and compiler["bound"] == 64 * 2.0**-11
    assert 30 < loss["sqnr_db"] < 45 and loss["name"] == "logits"
    (lowering,) = found["quantization"]["lowering_error"]
    assert lowering["ok"] and lowering["error"]["relative_l2"] < 1e-3
    assert lowering["bound"] == pytest.approx(loss["error"]["relative_l2"] / 2**0.5, rel=0.01)
    assert [output["bound"] for output in found["outputs"]] == [None]
    shown = glassrt("check", *arguments).stdout
    assert "compiler error: outputs against the precision level in the interpreter" in shown
    assert "lowering error: the precision level against the Q/DQ graph in floats" in shown
    assert "graph level before quantization, unfused in f64, against the model" in shown
    assert "quantization loss: the Q/DQ graph in floats against ONNX Runtime" in shown and "SQNR, dB" in shown
    assert f"{loss['sqnr_db']:.1f}" in shown
    assert report(glassrt, DIGITS, "-d", "host", "--size", "N=1")["quantization"] is None
    # A pass that scales the sums of contractions wrongly: nothing else than its own figure says so.
    spread_out = contractions.spread_out
    wrong = lambda op, numbers: spread_out(op, numbers) * np.float32(1.2)  # noqa: E731
    monkeypatch.setattr(contractions, "spread_out", wrong)
    broken = report(glassrt, *arguments, code=1)
    assert not broken["ok"] and not broken["quantization"]["lowering_error"][0]["ok"]
    assert broken["quantization"]["compiler_error"][0]["ok"] and broken["quantization"]["loss"] == [loss]
    shown = glassrt("check", *arguments, code=1).stdout
    assert "BEYOND" in shown and "NOT within bounds" in shown


def test_a_table_serves_other_types_of_inputs(glassrt: Glassrt, tmp_path: Path) -> None:
    """It is of the model as it is in the file; casts at its edges do not make it another's."""
    options = ("--shape", "N=1,30,64", "--batches", 1, "--interpret")
    glassrt("calibrate", DIGITS, HELD_OUT, "-o", tmp_path / "t", *options)
    arguments = ("-d", "host", "-p", "int8", "--calibration", tmp_path / "t", "--io", "fp16", "--size", "N=2")
    found = report(glassrt, DIGITS, *arguments)
    assert found["ok"] and found["quantization"]["lowering_error"][0]["ok"]
    table = (tmp_path / "t").read_text(encoding="utf-8")
    (tmp_path / "t").write_text(re.sub(r"model \"\w{8}", 'model "00000000', table), encoding="utf-8")
    (tmp_path / "t.hist.npz").unlink()  # it names the model too
    assert "made for another model" in glassrt("check", DIGITS, *arguments, code=1).stderr


# Four branches that need nothing of each other: one launch for all that can be put together.
GROUPED = """module @grouped {
  func @main(%x: tensor<1x8x6x6xf32>) -> (tensor<1x8x6x6xf32>, tensor<1x8x6x6xf32>, tensor<1x8x6x6xf32>) {inputs = ["x"], outputs = ["a", "b", "c"]} {
    %1 = graph.max_pool %x {strides = [1, 1], dilations = [1, 1], pads = [1, 1, 1, 1], kernel = [3, 3]} : tensor<1x8x6x6xf32> loc("pool")
    %2 = graph.sigmoid %x : tensor<1x8x6x6xf32> loc("sigmoid")
    %3 = graph.softmax %x {axis = 1} : tensor<1x8x6x6xf32> loc("softmax")
    core.return %1, %2, %3
  }
}
"""  # noqa: E501 - one line per operation


def test_a_tolerance_holds_for_every_member_of_a_group(glassrt: Glassrt, tmp_path: Path) -> None:
    text = tmp_path / "net.ir"
    text.write_text(GROUPED, encoding="utf-8")
    loose = report(glassrt, text, "-d", "host", "--tolerance", "1e-5")
    members = [launch for launch in loose["launches"] if launch["index"] == 0]
    assert len(members) > 1 and all(launch["ok"] for launch in loose["launches"])
    assert {"max_pool", "sigmoid"} <= {launch["op"] for launch in members}
    strict = report(glassrt, text, "-d", "host", "--tolerance", "1e-12", code=1)
    # The pooling is exact; what is computed in f32 is not, and each is judged by its own figure.
    assert strict["tolerance"] == 1e-12
    for launch in strict["launches"]:
        assert launch["ok"] == (launch["local"]["relative_l2"] <= 1e-12)
    assert {launch["op"]: launch["ok"] for launch in strict["launches"]}["max_pool"]
    assert not all(launch["ok"] for launch in strict["launches"])
    worst = [launch["local"]["relative_l2"] for launch in strict["launches"]]
    assert worst == sorted(worst, reverse=True)
    # The usual bounds pass what the tolerance does not.
    assert report(glassrt, text, "-d", "host")["ok"]


def test_a_plan_is_checked_as_it_is(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    glassrt("build", small, "-o", tmp_path / "a.plan", "--target", "host")
    text = glassrt("check", tmp_path / "a.plan", "--device", "host").stdout
    assert "outputs against its launch level in numpy" in text and "within bounds" in text
    found = glassrt("check", tmp_path / "a.plan", "--device", "host", "--reference", small, "--json").stdout
    assert json.loads(found)["witness"] == "the interpreter" and json.loads(found)["ok"]
    assert "bisect its model" in glassrt("check", tmp_path / "a.plan", "--bisect", code=2).stderr
    assert "for plans" in " ".join(glassrt("check", small, "--reference", small, code=2).stderr.split())
