"""Bringing a module down the levels, for one target or several; these part where a pass asks the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from ...codegen.arch.spec import ArchSpec
from ...dialects.core.clone import clone_module
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...runtime.whole_files import WholeFolder
from ..frontend.source import level_of
from ..passes.levels import LEVELS
from ..passes.manager import Pass, PassContext, PassManager, Sink
from .pipeline import asks_target, checks_at, passes_to


@dataclass(frozen=True)
class Watch:
    """Who sees a module on its way; see `PassManager`. stage: times what is done inside, by its name."""

    print_ir: Sink | None
    dumps: WholeFolder | None
    verify_each: Literal["ir", "semantics"]
    stage: Callable[[str], AbstractContextManager[object]]


@dataclass
class Descent:
    """A module on its way down for TARGET, and the text of every level that it came to.

    Levels above the one it enters at have no text. label: see `PassManager`; done: how many passes of the
    level it enters at have run already.
    """

    module: Module
    context: PassContext
    target: ArchSpec
    watch: Watch
    label: str = ""
    done: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entered = LEVELS.index(level_of(self.module))
        self.texts.update(dict.fromkeys(LEVELS[: self._entered], ""))

    def to(self, last: str) -> Module:
        """The module at the level LAST."""
        number = 0
        for level in LEVELS[self._entered : LEVELS.index(last) + 1]:
            passes = self._passes(level)
            with self.watch.stage(level):
                self._run(passes[self.done :], number + self.done)
                self.texts[level] = print_module(self.module)
            number += len(passes)
            self.done = 0
        return self.module

    def before_target(self) -> None:
        """Run the passes of the level it enters at that come before the first that asks the target."""
        level = LEVELS[self._entered]
        shared = tuple(takewhile(lambda step: not asks_target(step), self._passes(level)))
        with self.watch.stage(level):
            self._run(shared, 0)
        self.done = len(shared)

    def parted(self, target: ArchSpec) -> Descent:
        """A copy that goes on from here for TARGET."""
        copy = clone_module(self.module)
        return Descent(copy, self.context.fork(), target, self.watch, target.name, self.done)

    def _passes(self, level: str) -> tuple[Pass, ...]:
        # A module that enters below the graph level is taken as it is written.
        made = level == "graph" or LEVELS.index(level) > self._entered
        return passes_to(level, self.target) if made else checks_at(level)

    def _run(self, passes: Sequence[Pass], number: int) -> None:
        watch = self.watch
        manager = PassManager(
            passes, self.context, watch.print_ir, watch.dumps, watch.verify_each, number, label=self.label
        )
        self.module = manager.run(self.module)


def lowered_for(targets: Sequence[ArchSpec], start: Descent) -> list[Descent]:
    """START at the launch level for each of TARGETS; what asks no target is done once."""
    if len(targets) > 1:
        start.before_target()
    ways = [start.parted(target) for target in targets] if len(targets) > 1 else [start]
    for way in ways:
        way.to(LEVELS[-1])
    return ways
