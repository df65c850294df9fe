"""`glassrt opt`: text in, passes, text out."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.compiler.source import read_ir

from .support import ADD_RELU, DIGITS, Glassrt


def test_what_it_prints_it_reads_back(glassrt: Glassrt, small: Path) -> None:
    printed = glassrt("opt", small).stdout
    small.write_text(printed, encoding="utf-8")
    assert glassrt("opt", small).stdout == printed


@pytest.mark.parametrize("level", ["fused", "precision", "launch"])
def test_a_written_level_builds_to_the_same_kernels(glassrt: Glassrt, tmp_path: Path, level: str) -> None:
    text = tmp_path / "net.ir"
    glassrt("opt", DIGITS, "--level", level, "-t", "sm_90a", "-o", text)
    direct = glassrt("opt", DIGITS, "--level", "launch", "-t", "sm_90a").stdout
    assert glassrt("opt", text, "--level", "launch", "-t", "sm_90a").stdout == direct
    assert {op.name.split(".")[0] for op in read_ir(text).main.block} <= {level, "graph", "core"}


def test_an_imported_model_builds_to_the_same_plan(
    glassrt: Glassrt, digits_plan: Path, tmp_path: Path
) -> None:
    glassrt("opt", DIGITS, "-o", tmp_path / "net.ir")
    glassrt("build", tmp_path / "net.ir", "-o", tmp_path / "net.plan", "-t", "sm_90a")
    assert (tmp_path / "net.plan").read_bytes() == digits_plan.read_bytes()


def test_passes_run_in_the_order_given(glassrt: Glassrt, tmp_path: Path) -> None:
    result = glassrt("opt", DIGITS, "--passes", "canonicalize, dce", "--print-ir-after-all")
    after = [line for line in result.stderr.splitlines() if line.startswith("// after")]
    assert after == ["// after canonicalize", "// after dce"]
    glassrt("opt", DIGITS, "--passes", "cse,dce", "--verify-each=semantics")


def test_only_named_weights_are_kept(glassrt: Glassrt, tmp_path: Path) -> None:
    glassrt("opt", DIGITS, "--level", "fused", "-o", tmp_path / "net.ir")
    module = read_ir(tmp_path / "net.ir")
    text = (tmp_path / "net.ir").read_text(encoding="utf-8")
    assert len(module.resources) > 0
    assert all(f"@{name}" in text for name in module.resources)


def test_an_unknown_pass_is_an_error_with_a_hint(glassrt: Glassrt, small: Path) -> None:
    result = glassrt("opt", small, "--passes", "canonicalise", code=1)
    assert "hint: is canonicalize meant?" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("graph.add %a", "graph.add %c", "7:24"),
        ("graph.relu", "graph.rely", "8:14"),
        ("core.return %y", "core.return", "3:8"),
        ("tensor<4xf32>):", "tensor<5xf32>):", "5:"),
        ("  }\n}\n", "", "11:"),
    ],
)
def test_errors_say_where(glassrt: Glassrt, small: Path, old: str, new: str, place: str) -> None:
    assert old in ADD_RELU
    small.write_text(ADD_RELU.replace(old, new), encoding="utf-8")
    stderr = glassrt("opt", small, code=1).stderr
    assert stderr.startswith("error: ")
    assert f"net.ir:{place}" in stderr


def test_a_level_above_cannot_be_reached(glassrt: Glassrt, small: Path) -> None:
    assert "fused lies above it" in glassrt("opt", small, "--level", "fused", code=1).stderr
    glassrt("opt", small, "--level", "launch", "--passes", "dce", code=2)
