"""Spellings of trtexec, Polygraphy and ONNX Runtime: understood, or answered with ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.compiler.cli.habits import ours

from ...places import DIGITS
from .support import Glassrt


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (("build", "m.onnx", "--fp16"), "here it is --precision fp16"),
        (("build", "--onnx=m.onnx", "--saveEngine=m.plan"), "glassrt build MODEL -o PLAN"),
        (("build", "m.onnx", "--minShapes=image:1x1x8x8"), "--shape N=MIN,OPT,MAX"),
        (("bench", "m.plan", "--useCudaGraph"), "every run is one launch of a CUDA graph"),
        (("bench", "m.plan", "--noDataTransfers"), "with copies and without"),
        (("check", "m.onnx", "--rtol", "1e-3"), "--tolerance T of `glassrt check`"),
        (("convert", "m.onnx"), "here it is `glassrt build`"),
        (("build", DIGITS, "-o", "m.plan", "-p", "half"), "fp16"),
    ],
)
def test_what_is_spelled_otherwise_is_answered(
    glassrt: Glassrt, typed: tuple[object, ...], answer: str
) -> None:
    shown = glassrt(*typed, code=2)
    assert answer in " ".join(shown.stderr.split())
    (problem,) = json.loads(glassrt(*typed, "--json", code=2).stdout)["error"]["diagnostics"]
    assert problem["message"]


def test_options_are_known_by_any_dashes_and_case() -> None:
    assert ours("--FP16") == ours("-fp16") == ours("--fp-16") == "--precision fp16"
    assert ours("--no-such-option") is None


@pytest.mark.parametrize("spelling", ["image=3x1x8x8", "image:3x1x8x8"])
@pytest.mark.parametrize("option", ["--shape", "--input"])
def test_shapes_of_inputs_may_have_crosses(
    glassrt: Glassrt, tmp_path: Path, option: str, spelling: str
) -> None:
    glassrt("build", DIGITS, "-o", tmp_path / "net.plan", "-t", "host", option, spelling)
    assert Plan.load(tmp_path / "net.plan").spec.inputs[0].shape == (3, 1, 8, 8)
