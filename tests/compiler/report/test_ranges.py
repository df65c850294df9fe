"""What a build says about sizes: every range in one line, and which of them nobody gave."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from glassrt.compiler.building import build_order
from glassrt.compiler.order import order_of
from onnx import TensorProto, helper

from ...places import DIGITS
from ..cli.support import Glassrt

LINE = "sizes: N from 0 to 64 (tuned for 8, by default); --shape 'N=MIN,OPT,MAX' gives another"


def said(glassrt: Glassrt, *arguments: object) -> list[str]:
    return [line for line in glassrt(*arguments).stderr.splitlines() if line.startswith("sizes: ")]


def test_a_default_is_said_and_a_range_that_was_given_is_shown(glassrt: Glassrt, tmp_path: Path) -> None:
    build = ("build", DIGITS, "-t", "host", "-o", tmp_path / "net.plan")
    assert said(glassrt, *build) == [LINE]
    assert said(glassrt, *build, "--shape", "N=1,2,9") == ["sizes: N from 1 to 9 (tuned for 2)"]
    assert said(glassrt, *build, "--shape", "N=3") == ["sizes: N is 3"]
    assert json.loads(glassrt(*build, "--json").stdout)["sizes"] == {
        "N": {"range": [0, 8, 64], "default": True}
    }


@pytest.mark.parametrize("command", ["explain", "inspect"])
def test_builds_on_the_spot_say_it_of_defaults_alone(glassrt: Glassrt, small: Path, command: str) -> None:
    assert said(glassrt, command, DIGITS, "-t", "host") == [LINE]
    assert said(glassrt, command, DIGITS, "-t", "host", "--shape", "N=1,2,9") == []
    assert said(glassrt, command, small, "-t", "host") == []  # its ranges are in its text


def test_many_symbols_take_one_line(glassrt: Glassrt, tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(9)]
    x = [helper.make_tensor_value_info(f"x{name}", TensorProto.FLOAT, [name]) for name in names]
    y = [helper.make_tensor_value_info(f"y{name}", TensorProto.FLOAT, [name]) for name in names]
    nodes = [helper.make_node("Relu", [f"x{name}"], [f"y{name}"]) for name in names]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", x, y)), tmp_path / "m.onnx")
    options = ("-t", "host", "--shape", "s0=1,2,3", "-o", tmp_path / "m.plan")
    (line,) = said(glassrt, "build", tmp_path / "m.onnx", *options)
    assert line.startswith("sizes: s1 from 0 to 64") and "s0" not in line
    assert "and 3 more, which `glassrt inspect` shows; --shape 's1=MIN,OPT,MAX' gives another" in line


def test_python_callers_are_told_for_every_kind_of_source(small: Path) -> None:
    model = onnx.load(DIGITS)
    for source in (DIGITS, str(DIGITS), model, model.SerializeToString()):
        report = build_order(order_of(source, {"target": "host"}))
        assert report.defaults == ["N"] and report.notes == [LINE]
    assert build_order(order_of(str(small), {"target": "host"})).defaults == []
