"""What the repository holds, to hold the pages against: files, classes, ops, options, words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import typer
from glassrt.compiler.cli.app import app
from glassrt.compiler.passes.levels import ALL_DIALECTS

from .pages import ROOT

NO_PART = {"build", "dist", "shared", "__pycache__"}


@cache
def files() -> frozenset[PurePosixPath]:
    """Every file of the repository, folders without those that tools make."""
    return frozenset(PurePosixPath(path.relative_to(ROOT).as_posix()) for path in _walk(ROOT))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        made = path.name in NO_PART or path.suffix == ".egg-info" or path.is_symlink()
        if made or (path.name.startswith(".") and path.name != ".gitignore"):
            continue
        yield from _walk(path) if path.is_dir() else [path]


@cache
def tails(of_folders: bool) -> frozenset[tuple[str, ...]]:
    """Every end of the path of a file, or of a folder, as its parts."""
    paths = {parent for file in files() for parent in file.parents} if of_folders else files()
    return frozenset(path.parts[start:] for path in paths for start in range(len(path.parts)))


@cache
def texts() -> dict[PurePosixPath, str]:
    """The text of every module."""
    return {file: (ROOT / file).read_text(encoding="utf-8") for file in files() if file.suffix == ".py"}


@cache
def tree(module: PurePosixPath) -> ast.Module:
    """The syntax tree of one module: of all of them it would take seconds."""
    return ast.parse(texts()[module])


@cache
def homes() -> dict[str, list[PurePosixPath]]:
    """The classes of the repository by name, with the modules that define them."""
    found: dict[str, list[PurePosixPath]] = {}
    for module, text in texts().items():
        for name in re.findall(r"^ *class (\w+)", text, re.MULTILINE):
            found.setdefault(name, []).append(module)
    return found


def classes(name: str) -> Iterator[ast.ClassDef]:
    """The classes called NAME."""
    for module in homes().get(name, ()):
        nodes = (node for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef))
        yield from (node for node in nodes if node.name == name)


def members(name: str) -> set[str]:
    """What instances of the classes called NAME, and of those they are made from, have."""
    found: set[str] = set()
    for node in classes(name):
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                found.add(inner.name)
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                found.add(inner.attr)
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)} - {name}
        found = found.union(*map(members, bases))
    return found


def defined_in(module: tuple[str, ...]) -> set[str]:
    """The names at the top of the modules whose path ends so; empty where there is none."""
    found: set[str] = set()
    for file in texts():
        parts = file.parent.parts if file.name == "__init__.py" else file.with_suffix("").parts
        if parts[-len(module) :] == module:
            found |= {name for node in tree(file).body for name in _names(node)}
    return found


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    for inner in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


@cache
def ops() -> frozenset[str]:
    """The names of all ops, as `graph.conv`."""
    return frozenset(ALL_DIALECTS.ops)


@cache
def options() -> dict[str, frozenset[str]]:
    """The options of every command."""
    commands = typer.main.get_group(app).commands.items()
    return {
        name: frozenset(
            ["--help", *(o for each in command.params for o in (*each.opts, *each.secondary_opts))]
        )
        for name, command in commands
    }


@cache
def words() -> frozenset[str]:
    """Every word of the sources, of the tests and of what stands beside them; not of the pages."""
    sources = (file for file in files() if file.suffix in {".py", ".j2", ".cuh", ".hpp", ".lark", ".toml"})
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = set(re.findall(r"\w+", makefile))
    for file in sources:
        if file.parts[:2] != ("tests", "docs"):
            found.update(re.findall(r"\w+", (ROOT / file).read_text(encoding="utf-8")))
    return frozenset(found)
