"""`glassrt opt`: text in, passes, text out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from glassrt.compiler.frontend.source import read_ir
from glassrt.compiler.passes.ledger import Ledger

from ...places import DIGITS, ROOT
from .support import Glassrt


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


def test_with_json_the_text_is_a_field(glassrt: Glassrt, tmp_path: Path) -> None:
    arguments = ("opt", DIGITS, "--level", "fused", "-t", "sm_90a")
    text = glassrt(*arguments).stdout
    found = json.loads(glassrt(*arguments, "--json").stdout)
    assert found == {"level": "fused", "output": None, "text": text, "ledger": None}
    written = tmp_path / "net.ir"
    found = json.loads(glassrt(*arguments, "--json", "--ledger", "-o", written).stdout)
    ledger = Ledger.from_json(found.pop("ledger"))
    assert found == {"level": "fused", "output": str(written), "text": None}
    assert written.read_text(encoding="utf-8") == f"// weights: net.weights\n{text}"
    assert any(record.rule == "contraction-epilogue" for record in ledger)


BROKEN = Path(__file__).parents[2] / "errors" / "texts" / "launch"


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.ir")), ids=lambda path: path.stem)
def test_launch_text_is_proved_to_use_memory_rightly(glassrt: Glassrt, path: Path) -> None:
    """What is only parsed and printed too: every broken file is refused, with the place. A weight may be
    missing until something is done with the text."""
    missing = path.stem == "a_buffer_whose_weight_is_nowhere"
    result = glassrt("opt", path, *(("--level", "launch") if missing else ()), code=1)
    assert result.stderr.startswith("error: ") and result.stdout == ""
    assert re.search(rf"\n  at {re.escape(str(path))}:\d+:\d+\n", result.stderr), result.stderr


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
        assert "its configuration needs grid [6, 1, 1]" in stderr
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
    assert f"at {text}:5:38" in stderr
    assert "hint: make 'K' a dimension or the content of an input" in stderr
    text.write_text(UNBOUND.replace("(8*K)", "16").replace("  symbol K in [0, 1, 3]\n", ""), encoding="utf-8")
    glassrt("opt", text)


def test_switches_keep_apart(glassrt: Glassrt, two_rules: Path) -> None:
    fused = ("opt", two_rules, "--passes", "graph-to-fused")
    assert glassrt(*fused).stdout.count("fused.kernel") == 1
    assert glassrt(*fused, "--nofuse", "two:three").stdout.count("fused.kernel") == 2
    assert glassrt(*fused, "--keep", "one").stdout.count("fused.kernel") == 2
    assert "'nobody'" in glassrt(*fused, "--keep", "nobody", code=1).stderr


def test_decisions_are_shown(glassrt: Glassrt, two_rules: Path) -> None:
    shown = glassrt("opt", two_rules, "--rules", "involution", "--ledger")
    assert shown.stderr.splitlines() == [
        "taken involution: one -> two: neg(neg(x)) => x, likewise not and bitwise_not"
    ]


def test_scales_and_streams_reach_the_passes(glassrt: Glassrt, tmp_path: Path) -> None:
    cases = ROOT / "tests" / "passes"
    text = tmp_path / "net.ir"
    text.write_text(TWO_PRODUCTS, encoding="utf-8")
    table = cases / "quantization" / "ranges.table"
    eight = glassrt(
        "opt", text, "--passes", "insert-quantization", "-p", "int8", "--calibration", table
    ).stdout
    assert "graph.quantize %x" in eight
    text.write_text(TWICE, encoding="utf-8")
    launches = ("opt", text, "--level", "launch", "-t", "sm_90a", "--disable-rule", "group-launches")
    assert "stream = 1" in glassrt(*launches, "--streams", "2").stdout
    assert "stream = 1" not in glassrt(*launches, "--streams", "1").stdout


TWO_PRODUCTS = """module @net {
  func @main(%x: tensor<1x1xf32>) -> (tensor<1x1xf32>) {inputs = ["x"], outputs = ["y"]} {
    %w = graph.constant {value = dense<1x1xf32: 2.0>} : tensor<1x1xf32>
    %a = graph.matmul %x, %w : tensor<1x1xf32> loc("first")
    %b = graph.matmul %a, %w : tensor<1x1xf32> loc("last")
    core.return %b
  }
}
"""


def test_text_is_printed_and_verified_without_its_weights(glassrt: Glassrt, tmp_path: Path) -> None:
    """Only passes may read them; a text that is written without says so."""
    path, copy = tmp_path / "net.ir", tmp_path / "copy.ir"
    glassrt("opt", DIGITS, "-o", path)
    assert path.read_text().splitlines()[0] == "// weights: net.weights"
    with_them = glassrt("opt", path).stdout
    (tmp_path / "net.weights").unlink()
    assert glassrt("opt", path).stdout == with_them
    assert "weights that were not there" in glassrt("opt", path, "-o", copy).stderr
    assert copy.read_text() == with_them
    assert "its first line names net.weights" in glassrt("opt", path, "--level", "fused", code=1).stderr
