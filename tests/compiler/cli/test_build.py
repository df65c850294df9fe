"""`glassrt build`: a plan, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.compiler import building
from glassrt.runtime.plan_format import MAGIC

from ...places import DIGITS
from .support import Glassrt


def test_it_writes_a_plan_and_says_what_is_in_it(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    output = glassrt("build", small, "-o", path, "-t", "sm_90a", "-t", "sm_80").stdout
    plan = Plan.load(path)
    assert plan.targets == ("sm_90a", "sm_80")
    assert "sm_90a, sm_80, 1 launches of 1 kernels" in output
    assert all(stage in output for stage in ("import", "precision", "launch", "kernels"))


def test_with_json_it_says_so_in_one_object(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    result = glassrt("build", small, "-o", path, "-t", "sm_90a", "--json", "--print-ir-after-all")
    found = json.loads(result.stdout)
    spent = found.pop("seconds")
    assert {"import", "precision", "launch", "kernels"} <= spent.keys() and min(spent.values()) >= 0
    assert found == {
        "plan": str(path),
        "bytes": path.stat().st_size,
        "targets": ["sm_90a"],
        "sizes": {"N": {"range": [1, 4, 16], "default": False}},
        "launches": 1,
        "kernels": 1,
        "arena_bytes": 0,
        "weights_bytes": Plan.load(path).spec.weights_bytes,
        "fallbacks": 0,
        "search": None,
        "tactics": None,
    }


def test_the_host_needs_no_cubins(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    glassrt("build", small, "-o", tmp_path / "net.plan", "--target", "host")
    assert Plan.load(tmp_path / "net.plan").cubins == {}


def test_the_same_input_gives_the_same_bytes(glassrt: Glassrt, digits_plan: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.plan"
    glassrt("build", DIGITS, "-o", again, "-t", "sm_90a", "--no-cache")
    assert again.read_bytes() == digits_plan.read_bytes()


def test_shapes_inputs_precision_and_rules_reach_the_plan(glassrt: Glassrt, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    common = ("build", DIGITS, "-o", path, "-t", "host", "--precision", "fp16")
    glassrt(*common, "--shape", "B=2,3,4", "--input", "image=B,1,8,8")
    plan = Plan.load(path)
    symbol = plan.spec.symbols["B"]
    assert (symbol.minimum, symbol.optimum, symbol.maximum) == (2, 3, 4)
    assert "f16" in plan.ir("precision")
    glassrt(*common, "--shape", "N=3", "--disable-rule", "contraction-epilogue")
    assert len(Plan.load(path).spec.launches) > len(plan.spec.launches)


def test_sizes_of_inputs_are_expressions(glassrt: Glassrt, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    glassrt("build", DIGITS, "-o", path, "-t", "host", "--input", "image=2*b,1,8,8", "--shape", "b=1,2,4")
    plan = Plan.load(path)
    assert list(plan.spec.symbols) == ["b"] and plan.spec.inputs[0].shape[0] == ["*", "b", 2]


def test_a_dump_folder_holds_every_step_and_every_kernel(glassrt: Glassrt, tmp_path: Path) -> None:
    folder, path = tmp_path / "dump", tmp_path / "net.plan"
    glassrt("build", DIGITS, "-o", path, "-t", "host", "--dump-dir", folder)
    plan = Plan.load(path)
    steps = sorted(folder.glob("*.ir"))
    assert steps[0].name == "00-input.ir"
    assert {(folder / "kernels" / f"{name}.cu").read_text() for name in plan.sources} == {
        *plan.sources.values()
    }
    assert steps[-1].read_text(encoding="utf-8") == f"// weights: model.weights\n{plan.ir('launch')}"
    glassrt("build", steps[-1], "-o", tmp_path / "again.plan", "-t", "host")
    assert Plan.load(tmp_path / "again.plan").sources == plan.sources


def test_the_ir_is_printed_after_every_pass(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    result = glassrt("build", small, "-o", tmp_path / "net.plan", "-t", "host", "--print-ir-after-all")
    assert "// after precision-to-launch" in result.stderr
    assert "// after" not in result.stdout


def test_the_meaning_is_checked_after_every_pass(glassrt: Glassrt, tmp_path: Path) -> None:
    glassrt("build", DIGITS, "-o", tmp_path / "net.plan", "-t", "host", "--verify-each=semantics")


@pytest.mark.parametrize("target", ["net.plan", "missing/net.plan", "folder"])
def test_a_failed_build_leaves_nothing(glassrt: Glassrt, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    model = tmp_path / "model.onnx"
    model.write_bytes(DIGITS.read_bytes()[:1000])
    glassrt("build", model, "-o", tmp_path / target, code=1 if target == "net.plan" else 2)
    assert {path.name for path in tmp_path.rglob("*")} == {"folder", "model.onnx"}


def test_a_failed_build_keeps_the_plan_that_was_there(glassrt: Glassrt, tmp_path: Path) -> None:
    model, plan = tmp_path / "model.onnx", tmp_path / "net.plan"
    model.write_bytes(b"no model")
    plan.write_bytes(MAGIC + b"precious")
    glassrt("build", model, "-o", plan, code=1)
    assert plan.read_bytes() == MAGIC + b"precious"


def test_an_interruption_is_no_crash(
    glassrt: Glassrt, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "build", interrupted)
    result = glassrt("build", small, "-o", tmp_path / "net.plan", code=130)
    assert result.stderr == ""  # the process says it, see test_interrupt
    assert not (tmp_path / "net.plan").exists()
