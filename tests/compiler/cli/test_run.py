"""`glassrt run`: plans and models, on the host and in numpy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler import order
from glassrt.compiler.cli.options import Level
from glassrt.compiler.cli.request import BuildRequest
from glassrt.compiler.cli.run_job import _module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.binary import Sub
from glassrt.dialects.graph.reduction import Reduce
from glassrt.testing.net import Net
from onnx import helper, numpy_helper

from ...places import DIGITS
from .running import outputs_of
from .support import Glassrt

TEST_SET = DIGITS.with_name("digits_test.npz")


def test_a_plan_computes_what_its_ir_says(glassrt: Glassrt, digits_plan: Path, tmp_path: Path) -> None:
    on_host, in_numpy = tmp_path / "host.npz", tmp_path / "numpy.npz"
    arguments = (digits_plan, "--seed", 3, "--size", "N=5")
    result = glassrt("run", *arguments, "--device", "host", "-o", on_host)
    assert "ran on host" in result.stderr
    assert "logits  float32  [5, 10]" in result.stdout
    glassrt("run", *arguments, "--interpret", "-o", in_numpy)
    have, want = outputs_of(on_host)["logits"], outputs_of(in_numpy)["logits"]
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", [("--interpret",), ("--device", "host")])
def test_with_json_a_run_is_one_object(
    glassrt: Glassrt, small: Path, tmp_path: Path, how: tuple[str, ...]
) -> None:
    x = np.array([[1, 2, 3, np.inf], [-4, -4, -4, -4]], np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    options = ("-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz", "--json")
    found = json.loads(glassrt("run", small, *how, *options).stdout)
    where = {"device": None, "level": "precision"} if len(how) == 1 else {"device": "host", "level": None}
    assert found.pop("seconds") > 0
    (y,) = found.pop("outputs")
    assert found == {**where, "written": str(tmp_path / "y.npz")}
    assert y.pop("mean") == pytest.approx(np.mean([1.5, 1, 5, 0, 0, 0, 0]))
    facts = {"name": "y", "type": "float32", "shape": [2, 4]}
    assert y == {**facts, "min": 0.0, "max": 5.0, "not_finite": 1}


def test_random_inputs_follow_the_seed(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        glassrt("run", small, "--interpret", "--seed", seed, "-o", tmp_path / f"{name}.npz")
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("level", ["graph", "fused", "precision", "launch"])
def test_a_model_can_be_interpreted_at_every_level(glassrt: Glassrt, tmp_path: Path, level: str) -> None:
    paths = [tmp_path / "imported.npz", tmp_path / "lowered.npz"]
    common = ("run", DIGITS, "--interpret", "--size", "N=2", "-o")
    glassrt(*common, paths[0])
    assert f"interpreted the {level} level" in glassrt(*common, paths[1], "--level", level).stderr
    want, have = (outputs_of(path)["logits"] for path in paths)
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


def test_a_level_is_that_of_a_build_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows this long are shared by several blocks where the GPU of this machine has room for these."""
    net = Net()
    x = net.input("x", 64, 65536)
    mean = net.add(Reduce, x, axes=[1], kind="mean", keepdims=True)
    model = tmp_path / "rows.ir"
    model.write_text(print_module(net.done(net.add(Sub, x, mean))), encoding="utf-8")

    def kernels(name: str) -> int:
        monkeypatch.setattr(order, "present_arch", lambda: arch_named(name))
        return sum(op.name == "fused.kernel" for op in _module(model, Level.FUSED, BuildRequest()).walk())

    assert (kernels("sm_90a"), kernels("sm_87")) == (2, 1)


def test_what_a_build_refuses_is_not_interpreted(glassrt: Glassrt, small: Path) -> None:
    at_launch = ("run", small, "--interpret", "--level", "launch")
    refused = glassrt(*at_launch, "--disable-rule", "no-such-rule", code=1)
    assert "there is no rule 'no-such-rule'" in refused.stderr


def test_build_options_without_a_level_are_refused(glassrt: Glassrt, small: Path) -> None:
    """Nothing is lowered then, so that they would be ignored; that of a rule is checked first."""
    interpreted = ("run", small, "--interpret")
    refused = glassrt(*interpreted, "--disable-rule", "group-launch", code=1)
    assert "is group-launches meant?" in refused.stderr
    for option in (("-p", "fp16"), ("--disable-rule", "group-launches")):
        assert "give --level" in glassrt(*interpreted, *option, code=2).stderr
    glassrt("run", DIGITS, "--interpret", "--shape", "N=1,2,4")


def test_a_model_is_built_on_the_spot(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    x = np.arange(-4, 4, dtype=np.float32).reshape(2, 4)
    np.savez(tmp_path / "x.npz", x=x, label=np.zeros(2))
    result = glassrt("run", small, "-d", "host", "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    assert "not an input, ignored: label" in result.stderr
    y = outputs_of(tmp_path / "y.npz")["y"]
    np.testing.assert_array_equal(y, np.maximum(x + np.float32([0.5, -1, 2, 0]), 0))


def test_sizes_outside_the_range_are_refused(glassrt: Glassrt, small: Path) -> None:
    assert "1 to 16" in glassrt("run", small, "--interpret", "--size", "N=17", code=1).stderr
    assert "no symbolic dimension M" in glassrt("run", small, "--interpret", "--size", "M=1", code=1).stderr


def test_options_that_mean_nothing_are_refused(glassrt: Glassrt, digits_plan: Path) -> None:
    glassrt("run", digits_plan, "--precision", "fp16", code=2)
    glassrt("run", digits_plan, "--level", "fused", code=2)
    glassrt("run", digits_plan, "--interpret", "--level", "fused", code=2)
    glassrt("run", digits_plan, "--interpret", "--device", "host", code=2)


def test_the_held_out_digits_are_recognised(glassrt: Glassrt, tmp_path: Path) -> None:
    arguments = (DIGITS, "-d", "host", "--shape", "N=360", "-i", TEST_SET, "-o", tmp_path / "y.npz")
    glassrt("run", *arguments)
    logits = outputs_of(tmp_path / "y.npz")["logits"]
    assert (logits.argmax(1) == outputs_of(TEST_SET)["label"]).mean() > 0.98


@pytest.mark.parametrize("command", [("check",), ("run", "--interpret")])
def test_an_index_outside_its_table_is_an_error(
    glassrt: Glassrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """For `check` always, for `run` where it is asked for; a run that is not gives the nearest row."""
    nodes = [helper.make_node("Gather", ["table", "ids"], ["y"], name="embed")]
    ids, y = (helper.make_tensor_value_info(*each) for each in (("ids", 7, ["N"]), ("y", 1, None)))
    table = numpy_helper.from_array(np.float32([[1], [2], [3]]), "table")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [ids], [y], [table])), tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", ids=np.int64([0, 50257]))
    arguments = (*command, tmp_path / "m.onnx", "-i", tmp_path / "x.npz")
    if command[0] == "run":
        glassrt(*arguments, "-o", tmp_path / "y.npz")
        np.testing.assert_array_equal(outputs_of(tmp_path / "y.npz")["y"], np.float32([[1], [3]]))
        monkeypatch.setenv("GLASSRT_CHECK", "1")
    shown = glassrt(*arguments, code=1).stderr
    assert "the index 50257 at [1] is not in -3..2" in shown and "'embed'" in shown
