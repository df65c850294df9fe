"""The guides can be followed: what they add to a copy of the repository works there, and is clean."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from glassrt.codegen.families.kernel_family import KernelFamily
from glassrt.codegen.families.staging.staging import TileStaging

from .guides import GUIDES, GuideError, Step, copy_of_the_repository, edited, follow, steps
from .pages import ROOT, quoted


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_can_be_followed(guide: Path, tmp_path: Path) -> None:
    """Its commands fail without what it adds, or they would show nothing, and succeed with it."""
    todo = list(steps(guide.read_text(encoding="utf-8")))
    assert todo[-1].action == "run", "a guide ends with a command that shows that it worked"
    copy = copy_of_the_repository(tmp_path)
    with pytest.raises(GuideError):
        for step in todo:
            if step.action == "run":
                follow(step, copy)
    for step in todo:
        follow(step, copy)
    changed = sorted({step.file for step in todo if step.file.endswith(".py")})
    follow(Step("run", f"python -m ruff check --no-cache {' '.join(changed)}"), copy)


def test_all_guides_are_there() -> None:
    names = {guide.stem for guide in GUIDES}
    things = ("a-command", "a-custom-op", "a-kernel-family", "a-rewrite", "a-staging", "a-target", "an-op")
    assert names == {*(f"adding-{thing}" for thing in things), "testing"}


@pytest.mark.parametrize(
    ("guide", "interface"), [("adding-a-kernel-family", KernelFamily), ("adding-a-staging", TileStaging)]
)
def test_a_guide_lists_every_trait(guide: str, interface: type[KernelFamily] | type[TileStaging]) -> None:
    page = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    assert {field.name for field in fields(interface)} - {"name"} - set(quoted(page)) == set()


TEXT = "one = 1\ntwo = 2\nthree = 3\n"


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("before", "one = 1\nnew = 0\ntwo = 2\nthree = 3\n"),
        ("after", "one = 1\ntwo = 2\nnew = 0\nthree = 3\n"),
        ("instead of", "one = 1\nnew = 0\nthree = 3\n"),
    ],
)
def test_blocks_go_where_the_guide_says(action: str, wanted: str) -> None:
    assert edited(TEXT, Step(action, "new = 0\n", "some.py", "two")) == wanted


@pytest.mark.parametrize("anchor", ["t", "four"])
def test_an_anchor_is_one_line(anchor: str) -> None:
    with pytest.raises(GuideError, match=r"lines of some\.py begin with"):
        edited(TEXT, Step("after", "new = 0\n", "some.py", anchor))


def test_every_block_has_a_place(tmp_path: Path) -> None:
    assert list(steps("Look:\n\n```text\nno step\n```\n")) == []
    with pytest.raises(GuideError, match="nothing says where"):
        list(steps("Look:\n\n```python\nx = 1\n```\n"))
    with pytest.raises(GuideError, match="is not new"):
        (tmp_path / "old.py").write_text("")
        follow(Step("new", "x = 1\n", "old.py"), tmp_path)
    with pytest.raises(GuideError, match="python -c"):
        follow(Step("run", "python -c 'raise SystemExit(3)'"), tmp_path)
