"""`glassrt opt`: text in, passes, text out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from glassrt.compiler.frontend.source import read_ir

from ...places import DIGITS
from .support import ADD_RELU, Glassrt


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


BROKEN = Path(__file__).parents[1] / "memory" / "proofs" / "broken"


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.ir")), ids=lambda path: path.stem)
def test_launch_text_is_proved_to_use_memory_rightly(glassrt: Glassrt, path: Path) -> None:
    """What is only parsed and printed too: every broken file is refused, with the place."""
    if path.stem.startswith("good"):
        assert "launch.kernel" in glassrt("opt", path).stdout
        return
    result = glassrt("opt", path, code=1)
    assert result.stderr.startswith("error: ") and result.stdout == ""
    assert re.search(rf"\n  at {path.name}:\d+:\d+\n", result.stderr), result.stderr


def test_passes_on_launch_text_are_no_way_around_the_proof(glassrt: Glassrt, tmp_path: Path) -> None:
    result = glassrt("opt", BROKEN / "overlap.ir", "--passes", "dce", "-o", tmp_path / "net.ir", code=1)
    assert "uses bytes 256 to 512 of the arena" in result.stderr
    assert not (tmp_path / "net.ir").exists()


TWICE = """module @net {
  func @main(%x: tensor<3x512xf32>, %z: tensor<3x512xf32>) -> (tensor<3x512xf32>, tensor<3x512xf32>)
      {inputs = ["x", "z"], outputs = ["y", "y1"]} {
    %a = graph.exp %x : tensor<3x512xf32> loc("one")
    %b = graph.exp %z : tensor<3x512xf32> loc("other")
    core.return %a, %b
  }
}
"""


def test_every_launch_has_the_grid_that_its_kernel_wants(glassrt: Glassrt, tmp_path: Path) -> None:
    """A block too few leaves elements unwritten, in the first launch of a kernel or in a later one."""
    source, text = tmp_path / "net.ir", tmp_path / "launch.ir"
    source.write_text(TWICE, encoding="utf-8")
    whole = glassrt("opt", source, "--level", "launch", "--disable-rule", "group-launches").stdout
    places = [match.start() for match in re.finditer(r"grid = \[6, 1, 1\]", whole)]
    assert len(places) == 2
    text.write_text(whole, encoding="utf-8")
    assert glassrt("opt", text).stdout == whole
    for place in places:
        text.write_text(whole[:place] + whole[place:].replace("[6,", "[5,", 1), encoding="utf-8")
        stderr = glassrt("opt", text, code=1).stderr
        assert "its configuration wants grid [6, 1, 1]" in stderr
        assert f"launch.ir:{whole[:place].count(chr(10)) + 1}:" in stderr


UNBOUND = """module @net {
  symbol N in [1, 2, 4]
  symbol K in [0, 1, 3]
  func @main(%x: tensor<Nx4x8xf32>) -> (tensor<Nx1x8xf32>) {inputs = ["x"], outputs = ["y"]} {
    %v = launch.view %x {offset = (8*K)} : tensor<Nx1x8xf32, strided<[32, 8, 1], 0>>
    %y = launch.buffer {space = output, bytes = (32*N)} : tensor<Nx1x8xf32>
    launch.kernel @abs %v, %y {family = "loop", grid = [N, 1, 1], block = [256, 1, 1]} loc("abs") {
      ^(%a: tensor<Nx1x8xf32, strided<[32, 8, 1], 0>>):
        %b = graph.abs %a : tensor<Nx1x8xf32>
        core.yield %b
    }
    core.return %y
  }
}
"""


@pytest.mark.parametrize("command", [("opt",), ("run", "--interpret"), ("check", "-d", "host")])
def test_a_symbol_that_no_input_gives_a_value_is_located(
    glassrt: Glassrt, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Such as one that stands in nothing but the offset of a view."""
    text = tmp_path / "net.ir"
    text.write_text(UNBOUND, encoding="utf-8")
    stderr = glassrt(command[0], text, *command[1:], code=1).stderr
    assert "launch.view: it needs the symbol 'K', to which no input gives a value" in stderr
    assert "at net.ir:5:10" in stderr
    assert "hint: make 'K' a dimension of an input" in stderr
    text.write_text(UNBOUND.replace("(8*K)", "16").replace("  symbol K in [0, 1, 3]\n", ""), encoding="utf-8")
    glassrt("opt", text)


def test_a_level_above_cannot_be_reached(glassrt: Glassrt, small: Path) -> None:
    assert "fused lies above it" in glassrt("opt", small, "--level", "fused", code=1).stderr
    glassrt("opt", small, "--level", "launch", "--passes", "dce", code=2)
