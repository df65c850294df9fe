"""`glassrt inspect`: what is in a plan, as tables, text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt import CalibrationTable, Plan
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.runtime.steps import Repeat
from onnx import TensorProto, helper, numpy_helper

from ...e2e.test_control_flow import NESTED, model
from ...places import DIGITS
from .support import Glassrt


def test_the_tables_name_every_launch_and_buffer(glassrt: Glassrt, digits_plan: Path) -> None:
    output = glassrt("inspect", digits_plan).stdout
    plan = Plan.load(digits_plan)
    assert all(launch.kernel in output for launch in plan.spec.launches)
    assert all(f"\n{b.name} " in output for b in plan.spec.buffers.values() if b.space != "weights")
    assert "image f32[N, 1, 8, 8]" in output
    assert "N: 0 to 64, tuned for 8, shown at 8" in output


def test_json_has_what_the_manifest_says(glassrt: Glassrt, digits_plan: Path) -> None:
    facts = json.loads(glassrt("inspect", digits_plan, "--json", "--size", "N=2").stdout)
    plan = Plan.load(digits_plan)
    assert facts["at"] == {"N": 2}
    assert [launch["kernel"] for launch in facts["launches"]] == [l.kernel for l in plan.spec.launches]  # noqa: E741
    assert facts["bytes"]["arena"] == plan.spec.arena_bytes
    assert set(facts["levels"]) == {"graph", "fused", "precision", "launch"}
    spaces = {buffer["space"] for buffer in facts["buffers"]}
    assert spaces == {"input", "output", "arena", "weights"}


def test_flops_grow_with_the_batch(glassrt: Glassrt, digits_plan: Path) -> None:
    def flops(size: int) -> int:
        facts = json.loads(glassrt("inspect", digits_plan, "--json", "--size", f"N={size}").stdout)
        return sum(launch["flops"] for launch in facts["launches"])

    # Multiply-adds of the five convolutions and the dense layer alone.
    products = 64 * 9 * (16 + 2 * 256) + 16 * (9 * 16 + 16 * 32 + 9 * 32 * 32) + 320
    assert flops(1) >= 2 * products
    assert flops(7) == 7 * flops(1)


@pytest.mark.parametrize("level", ["graph", "fused", "precision", "launch"])
def test_a_level_is_printed_as_it_is(glassrt: Glassrt, digits_plan: Path, level: str) -> None:
    assert glassrt("inspect", digits_plan, "--level", level).stdout == Plan.load(digits_plan).ir(level)


def test_a_kernel_is_found_by_the_beginning_of_its_name(glassrt: Glassrt, digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    name = next(name for name in plan.sources if name.startswith("k_matmul"))
    assert glassrt("inspect", digits_plan, "--kernel", name).stdout == plan.sources[name]
    assert glassrt("inspect", digits_plan, "--kernel", "k_matmul").stdout == plan.sources[name]
    several = glassrt("inspect", digits_plan, "--kernel", "k_conv", code=1).stderr
    assert "several kernels begin with k_conv" in several and "there are k_conv" in several
    glassrt("inspect", digits_plan, "--kernel", "k_matmul", "--json", code=2)


def test_a_model_is_built_on_the_spot(glassrt: Glassrt) -> None:
    facts = json.loads(glassrt("inspect", DIGITS, "-t", "host", "-p", "fp16", "--json").stdout)
    assert facts["targets"] == []


def test_names_of_the_model_cannot_steer_the_terminal(glassrt: Glassrt, small: Path) -> None:
    text = small.read_text(encoding="utf-8")
    small.write_text(text.replace('inputs = ["x"]', 'inputs = ["x\\u001b[2J[red]"]'), encoding="utf-8")
    output = glassrt("inspect", small, "-t", "host").stdout
    assert "\x1b" not in output
    assert "x\\x1b[2J[red] f32" in output


def test_a_damaged_plan_is_an_error(glassrt: Glassrt, digits_plan: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.plan"
    data = bytearray(digits_plan.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "damaged" in glassrt("inspect", path, code=1).stderr
    path.write_bytes(b"")
    glassrt("inspect", path, code=1)


def test_branches_and_loops_are_shown_as_a_tree(glassrt: Glassrt, tmp_path: Path) -> None:
    plan = build(model(NESTED), Settings(disabled=frozenset({PredicateBranches.name}))).plan
    plan.save(path := tmp_path / "nested.plan")
    lines = glassrt("inspect", path, "--size", "T=6").stdout.splitlines()
    place = lines.index("control flow")
    loop, branch = lines[place + 2 : place + 4]
    assert "6 times" in loop and loop.endswith("unrolled into the graph")
    assert "  if b" in branch and branch.endswith("read back by the host")
    facts = json.loads(glassrt("inspect", path, "--json").stdout)
    first, last = facts["control"][0]["launches"]
    users = {b["name"]: (b["first"], b["last"]) for b in facts["buffers"]}
    (counter,) = (step.counter for step in plan.spec.steps if isinstance(step, Repeat))
    assert users[counter] == (first, last)


def test_a_plan_without_control_flow_shows_none(glassrt: Glassrt, digits_plan: Path) -> None:
    assert "control flow" not in glassrt("inspect", digits_plan).stdout


def test_inputs_of_any_shape_and_with_defaults_are_told(glassrt: Glassrt, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Add", ["z", "w"], ["s"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "zw"),
        ],
        [helper.make_empty_tensor_value_info(name) for name in "ys"],
        [numpy_helper.from_array(np.ones(3, np.float32), "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    build(made, Settings(cache=None)).plan.save(tmp_path / "net.plan")
    output = glassrt("inspect", tmp_path / "net.plan").stdout
    assert "inputs: x f32[D0] in any shape, z f32[3], w f32[3] (optional)" in output
    assert "outputs: y f32[D0] in the shape of x, s f32[3]" in output


def test_a_page_is_written_as_python_writes_it(
    glassrt: Glassrt, digits_plan: Path, made: CalibrationTable, tmp_path: Path
) -> None:
    page, table = tmp_path / "out.html", tmp_path / "digits.table"
    times, errors = tmp_path / "times.json", tmp_path / "errors.json"
    assert glassrt("inspect", digits_plan, "--html", page, "--size", "N=2").stdout == ""
    found = Plan.load(digits_plan).inspect(sizes={"N": 2})
    assert page.read_text() == found.to_html()
    made.save(table)
    rows = [{"kernel": each.bound.kernel, "microseconds": 2.0} for each in found.launches]
    times.write_text(json.dumps({"symbols": {"N": 2}, "kernels": rows}))
    checked = [{"index": 1, "kernel": rows[1]["kernel"], "unrounded": {"relative_l2": 0.5}}]
    errors.write_text(json.dumps({"launches": checked}))
    given = ("--calibration", table, "--times", times, "--errors", errors, "--size", "N=2")
    glassrt("inspect", digits_plan, "--html", page, *given)
    wrong = [None, 0.5, *[None] * (len(rows) - 2)]
    assert page.read_text() == found.to_html(made, [2.0] * len(rows), wrong)
    glassrt("inspect", digits_plan, "--html", page, "--times", times, code=1)
    assert "--html" in glassrt("inspect", digits_plan, "--times", times, code=2).stderr


@pytest.mark.parametrize(("precision", "quantized"), [("fp32", False), ("int8", True)])
def test_the_table_of_a_model_is_shown_and_built_with_if_the_precision_has_scales(
    glassrt: Glassrt, made: CalibrationTable, tmp_path: Path, precision: str, quantized: bool
) -> None:
    made.save(tmp_path / "digits.table")
    built = ("-t", "host", "-p", precision, "--shape", "N=1,30,64")
    table, page = tmp_path / "digits.table", tmp_path / "out.html"
    glassrt("inspect", DIGITS, *built, "--calibration", table, "--html", page)
    text = page.read_text()
    assert '"tensors":[{' in text and ('"executed":"i8"' in text) == quantized


def test_the_graph_for_graphviz_is_printed(glassrt: Glassrt, digits_plan: Path) -> None:
    printed = glassrt("inspect", digits_plan, "--dot").stdout
    assert printed == Plan.load(digits_plan).inspect().to_dot() and printed.startswith("digraph")
    glassrt("inspect", digits_plan, "--dot", "--level", "launch", code=2)


def test_a_model_for_viewers_is_written(glassrt: Glassrt, digits_plan: Path, tmp_path: Path) -> None:
    glassrt("inspect", digits_plan, "--onnx", tmp_path / "out.onnx")
    assert onnx.load(tmp_path / "out.onnx") == Plan.load(digits_plan).inspect().to_onnx()
    glassrt("inspect", digits_plan, "--onnx", tmp_path / "out.onnx", "--json", code=2)
