"""Control flow at the launch level: what the precision level computes, in the interpreter and on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BuildOptions, assemble
from glassrt.compiler.memory.proofs.check_launch import check_launch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.schedule.grouping.group_launches import GroupLaunches
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.compiler.schedule.streams.assign import AssignStreams
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.launch import kernels_in
from glassrt.runtime import Engine

T, COND, I64 = "tensor<3x4xf32>", "tensor<bool>", "tensor<i64>"
FORMAT = "{{root = loop, requested = {0}, compute = {0}, accumulate = {0}}}"


def kernel(result: str, operands: dict[str, str], op: str, type: str = T) -> str:
    """%RESULT by OP, the text of one op on arguments named like the OPERANDS with a leading `_`."""
    passed = ", ".join(f"%{name}" for name in operands)
    arguments = ", ".join(f"%_{name}: {kind}" for name, kind in operands.items())
    format = FORMAT.format("bool" if type == COND else "f32")
    return (
        f'%{result} = precision.kernel {passed} {format} : {type} loc("{result}") '
        f"{{ ^({arguments}): %_{result} = {op} : {type} core.yield %_{result} }}\n"
    )


def add(result: str, a: str, b: str) -> str:
    return kernel(result, {a: T, b: T}, f"graph.add %_{a}, %_{b}")


def unary(result: str, x: str, op: str = "neg", type: str = T) -> str:
    return kernel(result, {x: type}, f"graph.{op} %_{x}", type)


def read(body: str, outputs: dict[str, str]) -> Module:
    types, names = ", ".join(outputs.values()), ", ".join(f'"{name}"' for name in outputs)
    text = f"""module @m {{
  symbol N in [0, 4, 8]
  func @main(%x: {T}, %w: {T}, %n: {I64}, %p: {COND}, %q: tensor<Nxf32>) -> ({types}) \
{{inputs = ["x", "w", "n", "p", "q"], outputs = [{names}]}} {{
{body}
core.return {", ".join(f"%{name}" for name in outputs)}
}} }}"""
    module = parse_module(text, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


SUM = (
    f"%y = control.loop _, _, %x, %w {{carried = 1, count = 5}} : {T} {{ ^(%i: {I64}, %a: {T}, %k: {T}): "
    + add("c", "a", "k") + unary("d", "c", "relu")
    + "control.yield %d }\n"
)  # fmt: skip
SWAP = (
    f"%y, %z = control.loop _, _, %x, %w {{carried = 2, count = 3}} : {T}, {T} "
    f"{{ ^(%i: {I64}, %a: {T}, %b: {T}): " + unary("c", "b") + unary("d", "a", "abs")
    + "control.yield %c, %d }\n"
)  # fmt: skip
SCAN = (
    f"%y, %s = control.loop _, _, %x, %w {{carried = 1, count = 3}} : {T}, tensor<3x3x4xf32> "
    f"{{ ^(%i: {I64}, %a: {T}, %k: {T}): " + add("c", "a", "k") + unary("e", "c")
    + "control.yield %c, %e }\n"
)  # fmt: skip
SIZED = SCAN.replace("count = 3", "count = N").replace("3x3x4", "Nx3x4")
TRIPS = SUM.replace("loop _, _", "loop %n, _").replace(", count = 5", "")
WHILE = (
    f"%y = control.loop _, %p, %x {{carried = 1}} : {T} {{ ^(%i: {I64}, %a: {T}): " + add("c", "a", "a")
    + kernel("t", {"c": T}, "graph.slice %_c {starts = [2, 3], sizes = [1, 1], steps = [1, 1]}",
             "tensor<1x1xf32>")
    + "%u = graph.reshape %t {shape = []} : tensor<f32>\n"
    + "%l = graph.constant {value = dense<f32: 1000.0>} : tensor<f32>\n"
    + kernel("go", {"u": "tensor<f32>", "l": "tensor<f32>"}, "graph.less %_u, %_l", COND)
    + "control.yield %go, %c }\n"
)  # fmt: skip
IF = (
    f"%y = control.if %p, %x, %w : {T} {{ ^(%a: {T}, %k: {T}): " + add("c", "a", "k")
    + f"control.yield %c ^(%a: {T}, %k: {T}): " + unary("c", "a") + add("d", "c", "k")
    + "control.yield %d }\n"
)  # fmt: skip
BOTH = (
    f"%y = control.loop _, _, %x, %p, %w {{carried = 1, count = 4}} : {T} "
    f"{{ ^(%i: {I64}, %a: {T}, %t: {COND}, %k: {T}): "
    + IF.replace("%y = control.if %p, %x, %w", "%f = control.if %t, %a, %k")
    + unary("g", "f", "abs") + "control.yield %g }\n"
)  # fmt: skip
DEEP = (
    f"%y = control.loop _, _, %x, %w {{carried = 1, count = 2}} : {T} {{ ^(%i: {I64}, %a: {T}, %k: {T}): "
    + unary("h", "a")
    + SUM.replace("%y = control.loop _, _, %x, %w", "%f = control.loop _, _, %h, %k")
    + unary("m", "f") + "control.yield %m }\n"
)  # fmt: skip
ROW = (
    f"%s = control.loop _, _, %w {{carried = 0, count = 3}} : tensor<3x4xf32> {{ ^(%i: {I64}, %k: {T}): "
    + kernel("r", {"k": T, "i": I64}, "graph.gather %_k, %_i {axis = 0}", "tensor<4xf32>")
    + unary("e", "r", type="tensor<4xf32>") + "control.yield %e }\n"
)  # fmt: skip
Y = {"y": T}
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "sum": (SUM, Y),
    "swap": (SWAP, {"y": T, "z": T}),
    "scan": (SCAN, {"y": T, "s": "tensor<3x3x4xf32>"}),
    "scan of a size": (SIZED, {"y": T, "s": "tensor<Nx3x4xf32>"}),
    "scan that is read": (
        SCAN + unary("o", "s", type="tensor<3x3x4xf32>"), {"o": "tensor<3x3x4xf32>", "y": T},
    ),
    "trips": (TRIPS, Y),
    "while": (WHILE, Y),
    "if": (IF, Y),
    "if in a loop": (BOTH, Y),
    "loop in a loop": (DEEP, Y),
    "rows": (ROW, {"s": T}),
    "if, then read": (IF + unary("o", "y"), {"o": T}),
}  # fmt: skip


def inputs(n: int = 2, p: bool = True, size: int = 4) -> dict[str, Any]:
    random = np.random.default_rng(5)
    x, w = random.standard_normal((2, 3, 4)).astype(np.float32)
    x[2, 3] = 1.5
    return {"x": x, "w": w, "n": np.array(n), "p": np.array(p), "q": np.zeros(size, np.float32)}


GIVEN = [inputs(), inputs(0, False, 0), inputs(3, True, 7)]


def lowered(name: str) -> tuple[Module, Module]:
    """A case at the precision and at the launch level, with grouped launches."""
    body, outputs = CASES[name]
    module = read(body, outputs)
    launched = precision_to_launch(module, REFERENCE)
    context = PassContext(ALL_DIALECTS)
    for step in (GroupLaunches(REFERENCE), AssignStreams(REFERENCE)):
        launched = step.run(launched, context)
    check_launch(launched)
    verify(launched, ALL_DIALECTS)
    return module, launched


@pytest.mark.parametrize("name", CASES)
def test_the_launch_level_means_the_same(name: str) -> None:
    module, launched = lowered(name)
    text = print_module(launched)
    again = parse_module(text, ALL_DIALECTS, launched.resources)
    check_launch(again)
    assert print_module(again) == text
    for given in GIVEN:
        want = interpret(module, given)
        for output, array in interpret(again, given).items():
            np.testing.assert_array_equal(array, want[output])


@pytest.mark.parametrize("name", CASES)
def test_the_host_computes_it(name: str) -> None:
    module, launched = lowered(name)
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(launched)}
    with Engine(assemble(launched, levels, [], BuildOptions()), "host") as engine:
        for given in GIVEN:
            want = interpret(module, given)
            for output, array in engine.run(given).items():
                np.testing.assert_allclose(array, want[output], rtol=1e-6)


def launches(name: str) -> int:
    """The launches of a case, none of them grouped."""
    return sum(1 for _ in kernels_in(precision_to_launch(read(*CASES[name]), REFERENCE).main.block))


def test_a_carried_value_is_written_in_its_buffer_where_nothing_reads_the_old_one_later() -> None:
    """Before, one in the loop, one to the output: the sum and its relu, no copy."""
    assert launches("sum") == 1 + 2 + 1


def test_a_carried_value_that_is_read_later_is_copied_at_the_end_of_the_iteration() -> None:
    """Both values begin, are computed and returned; that which is made first cannot lie where it is read."""
    assert launches("swap") == 2 + (2 + 1) + 2


def test_results_of_branches_and_scan_outputs_are_outputs_without_a_copy() -> None:
    assert launches("if") == 1 + 2
    assert launches("rows") == 3
