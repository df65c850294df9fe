"""Memory in branches and loops: sound text passes, and each way in which a value may be missing is found."""

from __future__ import annotations

import pytest
from glassrt.compiler.memory.placement import place_buffers
from glassrt.compiler.memory.proofs.check_launch import check_launch, faults
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.launch_memory import Buffer
from glassrt.errors import IRError

T, ROWS = "tensor<4xf32>", "tensor<3x4xf32>"
BUFFERS = {
    "c": ("arena", 8, "tensor<i64>"),
    "d": ("arena", 8, "tensor<i64>"),
    "go": ("arena", 1, "tensor<bool>"),
    "v": ("arena", 16, T),
    "t": ("arena", 16, T),
    "u": ("arena", 16, T),
    "w": ("arena", 16, T),
    "r": ("arena", 48, ROWS),
}
OUTPUTS = {"y": (16, T), "s": (48, ROWS)}


def kernel(name: str, operands: str, arguments: str, result: str, more: str = "") -> str:
    return (
        f'launch.kernel @{name} {operands} {{family = "loop", grid = [1, 1, 1], block = [256, 1, 1]{more}}} '
        f"{{ ^({arguments}): %z = {result} core.yield %z }}\n"
    )


def step(source: str, target: str, name: str = "k") -> str:
    """A launch that computes TARGET from SOURCE."""
    return kernel(name, f"%{source}, %{target}", f"%a: {T}", f"graph.neg %a : {T}")


def decide(source: str, target: str) -> str:
    """A launch that writes a condition, false or true as SOURCE is."""
    return kernel("t", f"%{source}, %{target}", "%a: tensor<bool>", "graph.not %a : tensor<bool>")


def part(name: str, start: int, of: str = "v") -> str:
    """Half of a buffer, from its element START on."""
    return f"%{name} = launch.view %{of} {{offset = {start}}} : tensor<2xf32>\n"


def half(source: str, target: str, name: str = "k") -> str:
    return step(source, target, name).replace(T, "tensor<2xf32>")


HALVES = part("first", 0, "x") + part("low", 0) + part("high", 2) + half("first", "low", "init")
HALF = half("low", "high")
OVERLAP = part("low", 0) + part("high", 1)


def row(source: str, target: str, counter: str = "c") -> str:
    """A launch that writes a row of TARGET."""
    arguments = f"%a: {T}, %i: tensor<i64>"
    return kernel(
        "r", f"%{source}, %{counter}, %{target}", arguments, f"graph.neg %a : {T}", ", stacked = true"
    )


def rows(source: str, target: str) -> str:
    return kernel("rows", f"%{source}, %{target}", f"%a: {ROWS}", f"graph.neg %a : {ROWS}")


def loop(body: str, operands: str = "%c, _, _, %v", bound: str = "{bound = 3}") -> str:
    return f"launch.loop {operands} {bound} {{ ^(): {body} core.yield }}\n"


def branch(then: str, otherwise: str = "", condition: str = "p") -> str:
    return f"launch.if %{condition} {{ ^(): {then} core.yield ^(): {otherwise} core.yield }}\n"


def read(body: str) -> Module:
    """BODY in a function of x, z, p, n that returns what it writes to y and s, with buffers in order."""
    outputs = [name for name in OUTPUTS if f"%{name} " in body]
    lines = [
        f"%{name} = launch.buffer {{space = {space}, offset = {256 * index}, bytes = {size}}} : {type}"
        for index, (name, (space, size, type)) in enumerate(BUFFERS.items())
        if f"%{name} " in body.replace(",", " ")
    ]
    lines += [
        f"%{name} = launch.buffer {{space = output, bytes = {OUTPUTS[name][0]}}} : {OUTPUTS[name][1]}"
        for name in outputs
    ]
    types = ", ".join(OUTPUTS[name][1] for name in outputs)
    names = ", ".join(f'"{name}"' for name in outputs)
    head = f"func @main(%x: {T}, %z: {ROWS}, %p: tensor<bool>, %n: tensor<i64>) -> ({types}) "
    head += f'{{inputs = ["x", "z", "p", "n"], outputs = [{names}]}} {{'
    returned = ", ".join(f"%{name}" for name in outputs)
    text = "\n".join(["module @m {", head, *lines, body, f"core.return {returned}", "}}"])
    module = parse_module(text, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


INIT, OUT = step("x", "v", "init"), step("v", "y", "out")
TURN = step("v", "t", "one") + step("t", "v", "two")
SOUND = {
    "carried": INIT + loop(TURN) + OUT,
    "carried, no bound": decide("p", "go")
    + INIT
    + loop(TURN + decide("p", "go"), "%c, _, %go , %v", "")
    + OUT,
    "trips": INIT + loop(TURN, "%c, %n, _, %v", "") + OUT,
    "stacked rows": INIT + loop(TURN + row("v", "s")) + OUT,
    "stacked rows, read after": INIT + loop(TURN + row("v", "r")) + rows("r", "s") + OUT,
    "fresh in every iteration": INIT + loop(step("v", "t") + step("t", "u") + step("u", "v")) + OUT,
    "both branches": branch(step("x", "v", "a"), step("x", "v", "b")) + OUT,
    "both branches, to the output": branch(step("x", "y", "a"), step("x", "y", "b")),
    "within a branch": branch(step("x", "v") + step("v", "y"), step("x", "y")),
    "nested branches": branch(
        branch(step("x", "v", "a"), step("x", "v", "b")), step("x", "v", "c")
    ) + OUT,
    "branch in a loop": INIT + loop(branch(step("v", "t"), step("v", "t")) + step("t", "v")) + OUT,
    "rows of a loop that may end, before which all are written": decide("p", "go")
    + step("x", "v")
    + rows("z", "r")
    + loop(row("v", "r") + decide("p", "go"), "%c, _, %go , %r", "{bound = 3}")
    + rows("r", "s"),
    "a part is read, another is written": HALVES + branch(HALF, HALF) + OUT,
    "loop in a loop": INIT
    + loop(step("v", "w") + loop(step("w", "t") + step("t", "w"), "%d, _, _, %w") + step("w", "v"))
    + OUT,
}  # fmt: skip
ENDING = "%c, _, %go "
EITHER = branch(step("x", "y"), step("x", "y"), "go ")
UNSURE, INCOMPLETE = "which need not have run", "elements that no launch writes"
NO_ITERATION = "not the counter of an enclosing loop with a bound"
BROKEN = {
    "read in the loop before it is written": (loop(TURN) + OUT, "before any launch has written"),
    "written by a loop alone": (loop(step("x", "v"), "%c") + OUT, "used outside of the loop"),
    "written by one branch": (branch(step("x", "v")) + OUT, UNSURE),
    "output written by one branch": (branch(step("x", "y")), INCOMPLETE),
    "read in the other branch": (branch(step("x", "v"), step("v", "y")), UNSURE),
    "not carried": (INIT + loop(TURN, "%c") + OUT, "used outside of the loop.*hint: list the buffer"),
    "written twice": (INIT + step("x", "v") + OUT, "writes too"),
    "written twice in a loop": (INIT + loop(TURN + step("t", "v")) + OUT, "writes too"),
    "in place": (INIT + loop(step("v", "v")) + OUT, "reads and writes one buffer"),
    "parts that overlap": (INIT + OVERLAP + loop(HALF) + OUT, "reads and writes one buffer"),
    "condition not written": (
        INIT + loop(TURN + decide("p", "go"), "%c, _, %go , %v", "") + OUT,
        "reads its condition before any launch has written it",
    ),
    "condition of a branch not written": (EITHER, "reads its condition before"),
    "condition written in a branch": (branch(decide("p", "go")) + EITHER, "reads its condition before"),
    "one counter": (INIT + loop(TURN) + loop(step("x", "t"), "%c") + OUT, "has the counter of another loop"),
    "counter behind the loop": (
        INIT + loop(TURN) + OUT + loop(row("x", "s", "c"), "%d"),
        "uses the counter of a loop",
    ),
    "counter that is an input": (INIT + loop(TURN, "%n, _, _, %v") + OUT, "not a whole buffer of the arena"),
    "rows of a loop that may end": (
        decide("p", "go") + loop(row("x", "s") + decide("p", "go"), ENDING),
        INCOMPLETE,
    ),
    "too many rows": (loop(row("x", "s"), "%c", "{bound = 4}"), "writes 4 rows of 3"),
    "too few rows": (loop(row("x", "s"), "%c", "{bound = 2}"), INCOMPLETE),
    "rows without a bound": (loop(row("x", "s"), "%c, %n", ""), NO_ITERATION),
    "rows by another number": (loop(row("x", "s", "n"), "%c"), NO_ITERATION),
    "rows twice": (loop(row("x", "s") + row("x", "s"), "%c"), "writes too"),
    "rows in a branch": (loop(branch(row("x", "s")), "%c"), INCOMPLETE),
    "rows read in the loop": (loop(row("x", "r") + rows("r", "s"), "%c"), f"used outside|{UNSURE}"),
    "carried output": (
        loop(step("x", "y"), "%c, _, _, %y "),
        "carries a value that is not a whole buffer of the arena",
    ),
    "wait for a launch outside": (
        INIT + loop(TURN).replace("block = [256, 1, 1]", "block = [256, 1, 1], waits = [0]", 1) + OUT,
        "waits for launch 0.*no branch or loop may stand between",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_text_passes(name: str) -> None:
    module = read(SOUND[name])
    assert [str(error) for error in faults(module)] == []
    place_buffers(module)
    check_launch(module)


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_found(name: str) -> None:
    text, message = BROKEN[name]
    with pytest.raises(IRError, match=f"(?s){message}"):
        check_launch(read(text))


def offsets(module: Module) -> dict[str, int]:
    place_buffers(module)
    check_launch(module)
    names = [
        name for name in BUFFERS if any(name == op.result.hint for op in module.main.block if op.results)
    ]
    found = [op for op in module.main.block if isinstance(op, Buffer) and op.space == "arena"]
    return dict(zip(names, (op.offset for op in found), strict=True))


def test_values_of_one_iteration_share_memory_and_carried_ones_do_not() -> None:
    text = INIT + loop(step("v", "t") + step("t", "u") + step("u", "w") + step("w", "v")) + OUT
    placed = offsets(read(text))
    assert placed["w"] in (placed["t"],) and placed["t"] != placed["u"]
    assert placed["v"] not in (placed["t"], placed["u"], placed["c"])


def test_what_a_loop_reads_lives_through_all_iterations() -> None:
    """u is last read before t is written, but in the next iteration it is read again."""
    text = step("x", "u") + INIT + loop(step("u", "w") + step("v", "t") + step("t", "v")) + OUT
    placed = offsets(read(text))
    assert placed["u"] not in (placed["t"], placed["w"], placed["v"])


def test_a_condition_lives_until_it_is_read() -> None:
    text = decide("p", "go") + step("x", "v") + step("v", "t") + branch(step("t", "y"), step("t", "y"), "go ")
    placed = offsets(read(text))
    assert placed["go"] not in (placed["v"], placed["t"])


def test_memory_that_overlaps_with_a_condition_is_found() -> None:
    module = read(
        decide("p", "go") + step("x", "v") + step("v", "y") + branch(step("x", "t"), condition="go ")
    )
    for op in module.main.block:
        if isinstance(op, Buffer) and op.space == "arena":
            op.offset = 0
    with pytest.raises(IRError, match=r"which launch 2 .* still needs for another buffer"):
        check_launch(module)
