"""What the README says is true: its IR and CUDA are real output, its code runs, its options exist.

`pytest tests/test_readme.py --update-golden` rewrites the excerpts from the present output.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType

import glassrt
import pytest
import typer
from glassrt.compiler.cli.app import app

from .places import ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- (\w+) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    """The module `examples/demo.py`, whose excerpts the README shows."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "demo.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def excerpts(demo: ModuleType) -> dict[str, str]:
    """The text of every marked block. The kernels are those chosen for sm_90a, compiled or not."""
    plan = glassrt.compile(demo.MODEL, target="host", precision="fp16", shapes={"N": (1, 360, 360)})
    kernel, nodes = demo.nodes_with(plan, demo.FOLLOWED)
    texts = {level: demo.excerpt(plan.ir(level), nodes) for level in demo.LEVELS}
    return texts | {"cuda": _ends(plan.sources[kernel])}


def _ends(source: str) -> str:
    """A kernel's head, and its end from where the sums are complete."""
    lines = source.rstrip().splitlines()
    includes = lines.index("using namespace glass;")
    entry = next(i for i, line in enumerate(lines) if line.startswith("GLASS_KERNEL"))
    epilogue = next(i for i, line in enumerate(lines) if "accumulator[VECTOR]" in line)
    gap = ["    ..."]
    return "\n".join([*lines[: includes + 1], "...", lines[entry], *gap, *lines[epilogue:]])


def test_the_excerpts_are_what_the_compiler_gives(
    excerpts: dict[str, str], request: pytest.FixtureRequest
) -> None:
    text = README.read_text(encoding="utf-8")
    assert [match[1] for match in BLOCK.findall(text)] == list(excerpts)
    present = BLOCK.sub(lambda match: f"{match[1]}{excerpts[match[2]]}\n{match[4]}", text)
    if request.config.getoption("--update-golden"):
        README.write_text(present, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == present, "pytest tests/test_readme.py --update-golden"


def test_the_python_example_runs(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    shutil.copy(demo.MODEL, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.endswith("(5, 10)\n")


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("glassrt ")]


@pytest.mark.parametrize("line", _commands())
def test_the_commands_parse(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command = typer.main.get_group(app).commands[name]
    command.make_context(name, arguments)  # raises a usage error for what does not exist


def test_every_command_is_shown() -> None:
    shown = {line.split()[1] for line in _commands()}
    assert shown == set(typer.main.get_group(app).commands)


def test_the_folders_exist() -> None:
    folders = re.findall(r"^\| (.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    for name in re.findall(r"`(\w+)/`", " ".join(folders)):
        assert (ROOT / name).is_dir(), name
