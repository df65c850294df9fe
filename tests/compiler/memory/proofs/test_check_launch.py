"""Sound launch text passes, however large, and one fault is reported once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from glassrt import IRError
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.types import TensorType

from ....growth import assert_growth
from .launch_text import LaunchText

SOUND = sorted((Path(__file__).parent / "sound").glob("*.ir"))
# Text with a fault lies where every other text with a fault lies; there it is said what is reported.
BROKEN = sorted((Path(__file__).parents[3] / "errors" / "texts" / "launch").glob("*.ir"))


def read(path: Path) -> Module:
    return parse_module(path.read_text(encoding="utf-8"), ALL_DIALECTS, file=path.name)


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_sound_text_passes(path: Path) -> None:
    assert list(faults(read(path))) == []


def test_a_broken_file_has_few_kinds_of_fault() -> None:
    """One fault is not reported over and over in other words."""
    assert len(BROKEN) > 40
    for path in BROKEN:
        assert len({str(error).split("\n")[0] for error in faults(read(path))}) <= 2, path.stem


def test_every_build_checks_text_that_enters_at_this_level() -> None:
    overlap = next(path for path in BROKEN if path.stem == "overlap")
    with pytest.raises(IRError, match=r"pass check-launch: launch\.kernel: uses bytes 256 to 512"):
        build(overlap, Settings())


def chain(length: int) -> Module:
    text = LaunchText()
    value = text.x
    for _ in range(length):
        value = text.relu(value, text.buffer(text.type))
    return text.done(value)


def joined(parts: int) -> Module:
    """PARTS launches write their part of one buffer, as many read theirs, and one reads it all."""
    text = LaunchText()
    whole = text.buffer(TensorType((8, 4 * parts), F32))
    views = [text.part(whole, index) for index in range(parts)]
    for view in reversed(views):
        text.relu(text.x, view)
    for view in views:
        text.relu(view, text.buffer(text.type))
    return text.done(whole)


@pytest.mark.parametrize("make", [chain, joined])
def test_large_modules_take_time_in_proportion(make: Callable[[int], Module]) -> None:
    def work(module: Module) -> None:
        assert list(faults(module)) == []

    assert_growth(make, work, (2_000, 10_000), most=10)
