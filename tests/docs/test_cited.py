"""What the pages cite exists: files, folders, classes and their members, ops, commands, variables."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import glassrt
import pytest
from glassrt.testing.__main__ import parser as fuzz_parser

from .guides import GUIDES
from .index import defined_in, files, homes, members, ops, options, tails, words
from .pages import ROOT, blocks, pages, quoted

SOURCES = {".py", ".md", ".j2", ".cuh", ".hpp", ".lark", ".toml", ".json", ".cu"}
PATH = re.compile(r"[A-Za-z_.][\w.-]*(/[\w.-]+)*/?")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
LINK = re.compile(r"\]\(([^)#\s]+)\)")

# What belongs to others, by its first word: libraries, instructions of the GPU, a node of a page's model.
OF_OTHERS = {"com", "conv_6", "cp", "cuda", "mma", "onnx"}
# Files that tools make, that users bring, or that lie in a plan.
MADE = {".venv", "model.weights", "digits.table.hist.npz", "parts/N"}
# Options of programs that are no commands of GlassRT's.
FUZZ_OPTIONS = {text for action in fuzz_parser()._actions for text in action.option_strings}
OTHER_OPTIONS = {"--update-golden", "--out", *FUZZ_OPTIONS}


def fault(text: str) -> str | None:
    """What is wrong with TEXT, which stands in backticks on a page; None when all of it exists."""
    if text.split("/")[0].split(".")[0] in OF_OTHERS or text.rstrip("/") in MADE:
        return None
    if PATH.fullmatch(text) and ("/" in text or PurePosixPath(text).suffix in SOURCES):
        return None if _is_path(text) else "no such file or folder"
    if DOTTED.fullmatch(text):
        return None if _is_name(text) else "no such name"
    if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w*|[a-z]+_\w+|[A-Z]+_[A-Z_]+", text):
        return None if text in words() or text.lower() in words() else "no source has this word"
    return _fault_of_command(text)


def _is_path(text: str) -> bool:
    parts = PurePosixPath(text).parts
    return parts in tails(of_folders=True) or parts in tails(of_folders=False)


def _is_name(text: str) -> bool:
    *owner, name = text.split(".")
    if text in ops() or owner == ["glassrt"]:
        return text in ops() or name in glassrt.__all__ or (ROOT / name / "__init__.py").is_file()
    if owner[-1] in homes():
        return name in members(owner[-1])
    return name in defined_in(tuple(part for part in owner if part != "glassrt"))


def _fault_of_command(text: str) -> str | None:
    command = re.match(r"glassrt ([a-z]+)", text)
    known = options()
    if command is not None and command[1] not in known:
        return "no such command"
    allowed = known[command[1]] if command is not None else frozenset().union(*known.values(), OTHER_OPTIONS)
    wrong = sorted(set(OPTION.findall(text)) - allowed)
    return f"no such option: {', '.join(wrong)}" if wrong else None


def _made_by(guide: str) -> str:
    """What a guide adds, which need not be there before: its blocks, and the names of its files."""
    return "\n".join(part for block in blocks(guide) for part in (block.lead, block.text))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_cites_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    made = _made_by(text) if page in GUIDES else ""
    faults = {cited: fault(cited) for cited in quoted(text) if cited not in made}
    for link in LINK.findall(text):
        if "://" not in link and not (page.parent / link).exists():
            faults[link] = "no such page"
    for variable in re.findall(r"GLASSRT_[A-Z_]+", text):
        if variable not in words():
            faults[variable] = "no source has this variable"
    assert not {cited: wrong for cited, wrong in faults.items() if wrong is not None}


def test_every_page_can_be_found() -> None:
    """A page that no other page links to, or names, is one that nobody reads."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    for page in pages():
        others = (text for other, text in texts.items() if other != page)
        assert page.name == "README.md" or any(page.name in text for text in others), page


@pytest.mark.parametrize(
    "text",
    [
        "compiler/frontend/absent.py",
        "absent/folder",
        "frontend/ops_absent.py",
        "contraction/family.py",
        "Engine.fly",
        "AbsentClass.run",
        "graph.absent",
        "glassrt.fly",
        "registry.ABSENT",
        "AbsentFamily",
        "absent_function",
        "ABSENT_TABLE",
        "glassrt fly",
        "glassrt run --budget",
        "--no-such-option",
    ],
)
def test_what_does_not_exist_is_found_out(text: str) -> None:
    assert fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "compiler/frontend",
        "frontend/direct.py",
        "op.py",
        "templates/include/",
        "Engine.trace",
        "PassContext.limit",
        "UnsupportedError.offenders",
        "graph.conv",
        "glassrt.compile",
        "registry.BUILT_IN",
        "compiler.passes.debug.DebugLog",
        "glassrt check --bisect",
        "--verify-each=semantics",
    ],
)
def test_what_exists_passes(text: str) -> None:
    assert fault(text) is None


def test_the_index_sees_the_repository() -> None:
    assert PurePosixPath("README.md") in files() and PurePosixPath("tests/docs/index.py") in files()
    assert not any(part.startswith(".venv") for file in files() for part in file.parts)
