"""IR text is asked what models are asked: its sizes are settled, or refused with the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from glassrt import InputError, IRError, PlanError
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import read_ir
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.sizes.settling import settle
from glassrt.dialects.core.verifier import verify

LEVELS = ("graph", "fused", "precision", "launch")
HALVES = "%1 = graph.reshape %0 {shape = [(floordiv(N, 2)), 8]} : tensor<(floordiv(N, 2))x8xf32>"
SLICE = "%1 = graph.slice %0 {starts = [3, 0], sizes = [(N-5), 4]} : tensor<(N-5)x4xf32>"


def text(op: str, result: str, facts: str = "", least: int = 1, most: int = 64) -> str:
    """A module of OP on %0, a tensor of [N, 4], with the RESULT of type %1."""
    return f"""module @net {{
  symbol N in [{least}, {min(8, most)}, {most}]
  {facts}
  func @main(%0: tensor<Nx4xf32>) -> ({result}) {{inputs = ["x"], outputs = ["y"]}} {{
    {op} loc("cut")
    core.return %1
  }}
}}
"""


QUARTERS = (
    "%2 = graph.slice %0 {starts = [0, 0], sizes = [(floordiv(N, 2)), 4]} : tensor<(floordiv(N, 2))x4xf32>\n"
    "    %3 = graph.relu %2 : tensor<(floordiv(N, 2))x4xf32>\n"
    "    %1 = graph.reshape %3 {shape = [(floordiv(N, 4)), 8]} : tensor<(floordiv(N, 4))x8xf32>"
)
QUARTERED = text(QUARTERS, "tensor<(floordiv(N, 4))x8xf32>")
HALVED = text(HALVES, "tensor<(floordiv(N, 2))x8xf32>")
SLICED = text(SLICE, "tensor<(N-5)x4xf32>")


def settled(source: str) -> Module:
    module = parse_module(source, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    settle(module)
    verify(module, ALL_DIALECTS)
    return module


def run(module: Module, rows: int) -> np.ndarray:
    x = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4)
    return interpret(module, {"x": x})["y"]


def test_a_reshape_of_halves_is_for_even_sizes() -> None:
    module = settled(HALVED)
    assert {name: str(each.dim) for name, each in module.determined.items()} == {"N": "2*n0"}
    assert str(module.main.returned[0].type) == "tensor<(n0)x8xf32>"
    assert np.array_equal(run(module, 6), np.arange(24).reshape(3, 8))
    with pytest.raises(InputError, match=r"'x' has a dimension 5 where 2\*n0 is expected"):
        run(module, 5)


def test_a_slice_with_a_symbolic_end_needs_enough_rows() -> None:
    module = settled(SLICED)
    assert [str(each) for each in module.constraints] == ["N >= 5"]
    assert module.constraints[0].location.nodes == ("cut",)
    assert np.array_equal(run(module, 7), np.arange(28).reshape(7, 4)[3:5])
    with pytest.raises(InputError, match="N = 4, where N >= 5 is needed"):
        run(module, 4)


@pytest.mark.parametrize(
    ("op", "result", "says"),
    [
        (SLICE.replace("N-5", "N+5"), "tensor<(N+5)x4xf32>", "ends inside|are not all within"),
        (HALVES.replace("8", "7"), "tensor<(floordiv(N, 2))x7xf32>", "element"),
        (SLICE.replace("starts = [3, 0]", "starts = [(N+9), 0]"), "tensor<(N-5)x4xf32>", "ends inside"),
    ],
)
def test_what_fits_no_sizes_is_refused_with_its_place(op: str, result: str, says: str) -> None:
    with pytest.raises(IRError, match=says) as found:
        settled(text(op, result))
    assert "cut" in str(found.value) or "<ir>:5" in str(found.value)


def test_ranges_without_a_fitting_size_are_refused() -> None:
    with pytest.raises(IRError, match=r"N-5 is less than|it requires that a slice "):
        settled(text(SLICE, "tensor<(N-5)x4xf32>", most=4))


# ---------------------------------------------------------------- facts as text

FACTS = (
    "symbol S0 = min(N, 10) in [1, 8, 10]\n"
    "  symbol S1 = select(N-3, S0, 2*N) in [1, 8, 10]\n"
    '  determined T = 2*N+1 "a reason with \\"quotes\\"" loc("one", "two")\n'
    "  determined K = 8\n"
    '  constraint N >= 3 "a window of 3 fits" loc("conv")\n'
    "  constraint N == 2*floordiv(N, 2)\n"
    '  constraint N broadcasts S0 "two sizes broadcast"\n'
    '  constraint S1 stretches N "two sizes broadcast"'
)


def test_facts_read_back_as_they_are_printed() -> None:
    op = "%1 = graph.slice %0 {starts = [0, 0], sizes = [S0, 4]} : tensor<S0x4xf32>"
    module = parse_module(text(op, "tensor<S0x4xf32>", FACTS), ALL_DIALECTS)
    printed = print_module(module)
    again = parse_module(printed, ALL_DIALECTS)
    assert print_module(again) == printed
    assert again.constraints == module.constraints and again.determined == module.determined
    assert again.derived == module.derived and again.symbols == module.symbols
    assert [str(each) for each in module.derived.values()] == ["min(N, 10)", "select(N-3, S0, 2*N)"]
    assert module.determined["T"].location.nodes == ("one", "two")
    assert [each.relation for each in module.constraints] == [">=", "==", "broadcasts", "stretches"]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ("symbol S0 = median(N, 3) in [1, 2, 3]", "median"),
        ("symbol S0 = min(N) in [1, 2, 3]", "min of 1"),
        ("constraint N > 3", "not expected"),
        ("constraint Q >= 3", "Q"),
        ("symbol S0 = min(Q, 3) in [1, 2, 3]", "Q"),
        ("determined K = Q+1", "Q"),
    ],
)
def test_facts_that_mean_nothing_are_refused(facts: str, says: str) -> None:
    with pytest.raises(IRError, match=says) as found:
        settled(text(SLICE, "tensor<(N-5)x4xf32>", facts))
    assert "<ir>:3" in str(found.value)


# ---------------------------------------------------------------- every level


def texts(source: str, folder: Path) -> dict[str, str]:
    """What SOURCE becomes at every level."""
    path = folder / "net.ir"
    path.write_text(source)
    plan = build(read_ir(path), Settings(cache=None)).plan
    return {level: plan.ir(level) for level in LEVELS}


def test_every_level_says_what_it_needs(tmp_path: Path) -> None:
    """The lines of constraints taken out of a level come back, from its ops alone."""
    needed = "floordiv(N, 2) == 2*floordiv(N, 4)"
    for level, printed in texts(QUARTERED, tmp_path).items():
        assert f"  constraint {needed} " in printed, level
        bare = "\n".join(line for line in printed.splitlines() if not line.startswith("  constraint"))
        if level != "launch":
            assert [str(each) for each in settled(bare).constraints] == [needed], level
    # A view may show a part of a buffer, but no output may be one.
    path = tmp_path / "launch.ir"
    path.write_text(bare)
    with pytest.raises(IRError, match="returns 'y' as part of a buffer"):
        build(read_ir(path), Settings(cache=None))


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_with_a_wider_range_is_narrowed_again(level: str, tmp_path: Path) -> None:
    printed = texts(SLICED, tmp_path)[level]
    lines = [line for line in printed.splitlines() if not line.startswith("  constraint")]
    wide = "\n".join(lines).replace("symbol N in [5, ", "symbol N in [1, ")
    module = settled(wide)
    assert module.symbols["N"].minimum == 5
    with pytest.raises(InputError, match="N >= 5"):
        run(module, 4)


# ---------------------------------------------------------------- the interpreter


def test_what_an_op_cannot_do_is_an_error_about_the_op() -> None:
    """Text that is only parsed, and not settled."""
    module = parse_module(SLICED, ALL_DIALECTS)
    with pytest.raises(IRError, match=r"(?s)graph\.slice: .*'cut'"):
        run(module, 4)
    module = parse_module(HALVED, ALL_DIALECTS)
    with pytest.raises(IRError, match=r"(?s)graph\.reshape: .*ValueError.*'cut'"):
        run(module, 5)


def test_a_plan_of_text_checks_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text(HALVED)
    try:
        plan = build(read_ir(path), Settings(cache=None)).plan
    except PlanError as error:  # a defect, whatever the sizes
        pytest.fail(str(error))
    assert "determined N = 2*n0" in plan.ir("launch")
