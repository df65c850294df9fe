"""The ladder of GLASSRT_DEBUG: what every level says, that each has all below it, and what is no level."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.debug import DebugLevel, debug_level
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.errors import InputError
from glassrt.testing.net import Net

# How the texts of each level begin.
BEGINS = {
    DebugLevel.STAGES: "stage ",
    DebugLevel.PASSES: "pass ",
    DebugLevel.KERNELS: "kernel ",
    DebugLevel.SOURCES: "// source of ",
    DebugLevel.IR: "// after ",
    DebugLevel.REWRITES: "rewrite ",
}
STAGES = ("import", "graph", "fused", "precision", "launch", "kernels")

TO_GRAPH = passes_to("graph", REFERENCE)


def rectified_twice(name: str = "second") -> Module:
    """A module with one rewrite to make and one kernel."""
    net = Net()
    inner = net.add(Relu, net.input("x", 2, 3))
    outer = net.function.block.append(Relu(inner, loc=Location((name,))))
    return net.done(outer.result)


def said(level: int | str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that a build at LEVEL writes to stderr."""
    monkeypatch.setenv("GLASSRT_DEBUG", str(level))
    build(rectified_twice(), Settings(cache=None))
    written = capsys.readouterr()
    assert written.out == ""
    return written.err.splitlines()


@pytest.mark.parametrize("level", list(DebugLevel))
def test_every_level_says_what_those_below_it_say_and_more(
    level: DebugLevel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(level, monkeypatch, capsys)
    found = {each for each, begin in BEGINS.items() if any(line.startswith(begin) for line in lines)}
    assert found == {each for each in BEGINS if each <= level}


def test_what_the_levels_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(6, monkeypatch, capsys)
    stages = [line for line in lines if line.startswith("stage ")]
    assert [line.split(":")[0] for line in stages] == [f"stage {name}" for name in STAGES]
    # The function's return is an op, too; a kernel has one op and a yield inside.
    assert stages[0].endswith(", ops 3")
    assert stages[1].endswith(", ops 2, decisions 1")
    assert stages[5].endswith(", kernels 1")
    (kernel,) = (line for line in lines if line.startswith("kernel "))
    assert ": loop {lanes = 1, threads = 256}, grid [1, 1, 1], block [256, 1, 1], shared 0 B" in kernel
    name = kernel.removeprefix("kernel ").split(":")[0]
    assert f"// source of {name}" in lines and any(f"{name}(Input<f32> x0" in line for line in lines)
    passes = [line.split(":")[0].removeprefix("pass ") for line in lines if line.startswith("pass ")]
    assert [line.removeprefix("// after ") for line in lines if line.startswith("// after ")] == passes
    assert passes[: len(TO_GRAPH)] == [step.name for step in TO_GRAPH]
    rewrites = [line for line in lines if line.startswith("rewrite ")]
    assert rewrites == ['rewrite idempotent: graph.relu "second"']


def test_names_of_the_model_are_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLASSRT_DEBUG", "6")
    PassManager(TO_GRAPH, PassContext(ALL_DIALECTS)).run(rectified_twice("red\x1b[31m\n"))
    written = capsys.readouterr().err
    assert "\x1b" not in written and r'"red\u001b[31m\n"' in written


@pytest.mark.parametrize("text", ["7", "-1", "high", "2.0", " 2", "²"])
def test_what_is_no_level_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSRT_DEBUG", text)
    with pytest.raises(InputError, match=r"GLASSRT_DEBUG is .*, which is not a level") as found:
        build(rectified_twice(), Settings())
    assert found.value.hint is not None and "6 rewrites" in found.value.hint


@pytest.mark.parametrize("text", ["", "0", None])
def test_silence_is_the_default(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLASSRT_DEBUG", raising=False)
    if text is not None:
        monkeypatch.setenv("GLASSRT_DEBUG", text)
    assert debug_level() is DebugLevel.SILENT
