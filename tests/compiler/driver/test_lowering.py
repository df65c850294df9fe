"""Descents through the levels: what runs, for which targets, and what each level leaves as text."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, context_of
from glassrt.compiler.driver.clock import BuildClock
from glassrt.compiler.driver.lowering import (
    Descent,
    Watch,
    check_below,
    is_made,
    op_count,
    parted_for,
    passes_between,
)
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.frontend.source import level_of
from glassrt.compiler.passes.levels import LEVELS
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.errors import InputError

from .targeted import A100, H200, at, siblings


def watched(shown: list[str] | None = None) -> Watch:
    return Watch(None if shown is None else shown.append, None, "ir", BuildClock(None))


def descent(module: Module, shown: list[str] | None = None) -> Descent:
    return Descent(module, context_of(Settings(targets=(H200,))), H200, watched(shown))


@pytest.mark.parametrize("entered", LEVELS)
def test_below_the_graph_level_what_comes_in_is_not_made_again(entered: str) -> None:
    made = {level for level in LEVELS if is_made(level, entered)}
    below = set(LEVELS[LEVELS.index(entered) + 1 :])
    assert made == (below | {"graph"} if entered == "graph" else below)


def test_passes_between_two_levels() -> None:
    def names(module: Module, level: str) -> list[str]:
        return [step.name for step in passes_between(module, level, REFERENCE)]

    graph, fused = siblings(), at("fused", siblings(), "sm_90a")
    assert names(graph, "launch") == [step.name for step in passes_through("launch", REFERENCE)]
    assert names(graph, "graph") == [step.name for step in passes_to("graph", REFERENCE)]
    assert names(fused, "precision") == [step.name for step in passes_to("precision", REFERENCE)]
    assert names(fused, "fused") == []
    with pytest.raises(InputError, match="the module is at the fused level; graph lies above it"):
        names(fused, "graph")
    check_below("launch", fused)


def test_every_level_leaves_its_text() -> None:
    way = descent(siblings())
    assert level_of(way.to("fused")) == "fused" and list(way.texts) == ["graph", "fused"]
    assert way.texts["fused"] == print_module(way.module)
    way.to("launch")
    assert list(way.texts) == list(LEVELS) and not way.was_given
    assert [text for text in way.texts.values() if not text] == []
    assert set(way.watch.clock.seconds) >= set(LEVELS)


def test_a_module_of_the_launch_level_is_taken_as_it_is_given() -> None:
    module = at("launch", siblings(), "sm_90a")
    before, way = print_module(module), descent(module)
    assert way.was_given and list(way.texts) == list(LEVELS[:-1])
    assert print_module(way.to("launch")) == before and way.texts["launch"] == before


def test_passes_without_a_target_run_once_for_all() -> None:
    shown: list[str] = []
    first, second = parted_for((H200, A100), descent(siblings(), shown))
    ran = [text.splitlines()[0].removeprefix("// after ") for text in shown]
    graph = [step.name for step in passes_to("graph", H200)]
    shared = graph.index("horizontal-contraction")
    assert ran[:shared] == graph[:shared]
    later = graph[shared:]
    assert all(sum(line.startswith(name) for line in ran[shared:]) >= 2 for name in set(later))
    for way, target in ((first, H200), (second, A100)):
        assert (way.target, way.label, level_of(way.module)) == (target, target.name, "precision")
        alone = at("precision", siblings(), target.name)
        assert print_module(way.module) == print_module(alone)
    assert first.module is not second.module and first.context is not second.context
    assert first.texts["graph"] != second.texts["graph"]


def test_one_target_is_not_copied_for() -> None:
    start = descent(siblings())
    (way,) = parted_for((H200,), start)
    assert way is start and level_of(way.module) == "precision" and way.label == ""


def test_an_attempt_at_the_launch_level_changes_nothing_above() -> None:
    (way,) = parted_for((H200,), descent(siblings()))
    before = print_module(way.module)
    attempt = way.launched(way.context.spilled)
    assert level_of(attempt.module) == "launch" and "launch" in attempt.texts
    assert print_module(way.module) == before and "launch" not in way.texts


def test_ops_are_counted_inside_of_kernels_too() -> None:
    graph = siblings()
    count = op_count(graph)
    assert count == sum(1 for _ in graph.main.block)
    fused = at("fused", siblings(), "sm_90a")
    assert op_count(fused) > sum(1 for _ in fused.main.block)
