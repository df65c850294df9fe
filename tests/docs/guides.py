"""Following a guide: its blocks are put into a throw-away copy of the repository, its commands run there.

The sentence before a block says where it goes; what is in backticks after the path begins one line there:

    New file `codegen/families/copy.py`:
    In `README.md`, before `## License`:
    In `compiler/driver/pipeline.py`, after `    DeadCodeElimination(),`:
    In `compiler/cli/app.py`, instead of `for command in`:
    Run:
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .index import NO_PART
from .pages import ROOT, Block, blocks

GUIDES = [*sorted((ROOT / "docs").glob("adding-*.md")), ROOT / "docs" / "testing.md"]

NEW = re.compile(r"New file `([^`]+)`:")
EDIT = re.compile(r"In `([^`]+)`, (before|after|instead of) `([^`]+)`:")
RUN = "Run:"
SHOWN = "text"  # the kind of blocks that only show something
NOT_COPIED = (*(NO_PART - {"__pycache__"}), ".*", "*.egg-info")  # compiled modules stay valid in a copy


class GuideError(AssertionError):
    """A step of a guide that cannot be followed."""


@dataclass(frozen=True)
class Step:
    """A block of a guide and what to do with it: `new`, `before`, `after`, `instead of` or `run`."""

    action: str
    text: str
    file: str = ""
    anchor: str = ""


def steps(page: str) -> Iterator[Step]:
    """The steps of a guide's text, in order. GuideError for a block that nothing is said about."""
    for block in blocks(page):
        if block.kind != SHOWN:
            yield _step(block)


def _step(block: Block) -> Step:
    if block.lead == RUN:
        return Step("run", block.text)
    if new := NEW.fullmatch(block.lead):
        return Step("new", block.text, new[1])
    if edit := EDIT.fullmatch(block.lead):
        return Step(edit[2], block.text, edit[1], edit[3])
    raise GuideError(f"nothing says where this block goes: {block.lead!r}\n{block.text}")


def copy_of_the_repository(folder: Path) -> Path:
    """A copy under the package's name, in FOLDER, where it can be edited and imported."""
    copy = folder / "glassrt"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return copy


def follow(step: Step, copy: Path) -> None:
    """Do STEP in COPY. GuideError where it cannot be done, or a command fails."""
    if step.action == "run":
        for line in step.text.splitlines():
            _run(line, copy)
        return
    path = copy / step.file
    if step.action == "new":
        if path.exists():
            raise GuideError(f"{step.file} is not new")
        path.write_text(step.text, encoding="utf-8")
        return
    path.write_text(edited(path.read_text(encoding="utf-8"), step), encoding="utf-8")


def edited(text: str, step: Step) -> str:
    """TEXT of the file that STEP edits, with its block. GuideError unless one line begins with the anchor."""
    lines = text.splitlines(keepends=True)
    found = [at for at, line in enumerate(lines) if line.startswith(step.anchor)]
    if len(found) != 1:
        raise GuideError(f"{len(found)} lines of {step.file} begin with {step.anchor!r}, not one")
    (at,) = found
    start, end = {"before": (at, at), "after": (at + 1, at + 1), "instead of": (at, at + 1)}[step.action]
    return "".join([*lines[:start], step.text, *lines[end:]])


def _run(line: str, copy: Path) -> None:
    """A command line of a guide, in COPY; `python` and `glassrt` are those of this environment, on COPY."""
    name, *words = shlex.split(line)
    program = {
        "python": [sys.executable],
        "glassrt": [sys.executable, "-c", "from glassrt.compiler.cli import main; main()"],
    }[name]
    environment = os.environ | {"PYTHONPATH": str(copy.parent)}
    done = subprocess.run(
        [*program, *words], cwd=copy, env=environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        raise GuideError(f"{line}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}")
