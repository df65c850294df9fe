"""What the page on debugging says is true: its commands and code run, its ladder and answers are real."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from glassrt.compiler.cli.app import app
from glassrt.compiler.passes.debug import DebugLevel
from glassrt.compiler.patterns.rewrite import Rewriter, pattern
from glassrt.compiler.simplify import canonicalize
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Abs
from typer.testing import CliRunner

from .pages import ROOT, joined, marked

PAGE = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
LADDER = re.compile(r"<!-- ladder -->\n(?:\|.*\n){2}((?:\|.*\n)+)")


@pattern("planted", Relu)
def planted(op: Relu, rewriter: Rewriter) -> bool:
    """relu(x) => abs(x)"""
    rewriter.replace(op, rewriter.insert(Abs(op.x)).result)
    return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "examples" / "digits.onnx", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(word: str = "") -> list[str]:
    """The commands of the page that hold WORD."""
    return [line for line in joined(PAGE, "sh").splitlines() if word in line]


def run(line: str, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> str:
    """Run a line of the page, its settings in the environment; gives what it writes to stdout and stderr."""
    words = shlex.split(line)
    with monkeypatch.context() as patched:
        while "=" in words[0]:
            patched.setenv(*words.pop(0).split("=", 1))
        assert words.pop(0) == "glassrt"
        result = CliRunner().invoke(app, words)
    assert result.exit_code == code, (line, result.output, result.exception)
    return result.stdout + result.stderr


def test_its_commands_and_its_code_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {line: run(line, monkeypatch) for line in commands()}
    for line, text in written.items():
        level = re.match(r"GLASSRT_DEBUG=(\d)", line)
        assert level is None or f"\n{ladder()[int(level[1])]} " in f"\n{text}", line
    assert {"graph.npz", "launch.npz", "again.plan"} <= {path.name for path in folder.iterdir()}
    exec(compile(joined(PAGE, "python"), "debugging.md", "exec"), {})


def ladder() -> dict[int, str]:
    """By level, how its lines begin."""
    found = LADDER.search(PAGE)
    assert found is not None
    rows = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in found[1].splitlines()]
    return {int(level): begin for level, _, begin in rows}


def test_the_ladder_is_that_of_the_code() -> None:
    source = (ROOT / "compiler" / "passes" / "debug.py").read_text(encoding="utf-8")
    assert list(ladder()) == [level.value for level in DebugLevel]
    assert all(f'f"{begin} ' in source for begin in ladder().values() if begin)


@pytest.mark.parametrize("name", ["build", "check"])
def test_a_planted_rule_is_answered_as_the_page_says(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"build": "--verify-each=semantics", "check": "--bisect --interpret"}[name]
    command = next(text for text in commands(line) if text.startswith(f"glassrt {name}"))
    monkeypatch.setattr(canonicalize, "PATTERNS", (*canonicalize.PATTERNS, planted))
    have = without_numbers(run(command, monkeypatch, code=1))
    for wanted in without_numbers(marked(PAGE, f"planted {name}")).splitlines():
        assert wanted in have.splitlines()


def without_numbers(text: str) -> str:
    """TEXT without the numbers, which machines round in their own ways; not those within names."""
    return re.sub(r"\b\d+(\.\d+)?(e-?\d+)?\b", "#", text)
