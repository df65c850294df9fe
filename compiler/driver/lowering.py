"""Lowering of a module through the levels, for one target or several; those split where a pass depends on
the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Literal

from ...codegen.interface import ArchSpec
from ...dialects.core.clone import clone_module
from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...errors import InputError
from ...runtime.whole_files import WholeFolder
from ..frontend.source import level_of
from ..passes.debug import Sink
from ..passes.levels import LEVELS
from ..passes.manager import Pass, PassContext, PassManager
from ..passes.spilled import Spilled
from .clock import BuildClock, no_collections
from .pipeline import asks_target, checks_at, passes_to


@dataclass(frozen=True)
class Watch:
    """The observers of a module while it is lowered; see `PassManager`. clock: times every level."""

    print_ir: Sink | None
    dumps: WholeFolder | None
    verify_each: Literal["ir", "semantics"]
    clock: BuildClock


@dataclass
class Descent:
    """A module that is lowered for `target`, and the text of every level it has reached.

    Levels above the one it enters at have no text. label: see `PassManager`; entered, next: the numbers of
    the level it entered at and of the one it is lowered to next; number: how many passes have run in the
    levels before `next`; done: how many passes of `next` have run.
    """

    module: Module
    context: PassContext
    target: ArchSpec
    watch: Watch
    label: str = ""
    entered: int = -1
    next: int = -1
    number: int = 0
    done: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.entered < 0:
            self.entered = self.next = LEVELS.index(level_of(self.module))
            self.texts.update(dict.fromkeys(LEVELS[: self.entered], ""))

    @property
    def was_given(self) -> bool:
        """Whether the module entered at the launch level, so that it is as written and was not lowered."""
        return LEVELS[self.entered] == LEVELS[-1]

    def to(self, last: str) -> Module:
        """Lower the module to the level LAST and return it."""
        while self.next <= LEVELS.index(last):
            self._to_next(LEVELS[self.next])
        return self.module

    def _to_next(self, level: str) -> None:
        passes, clock, decided = self._passes(level), self.watch.clock, self.context.decisions
        with clock.stage(level), no_collections():
            self._run(passes[self.done :], self.number + self.done)
            self.texts[level] = print_module(self.module)
        counts = {"ops": op_count(self.module), "decisions": self.context.decisions - decided}
        self.context.debug.stage(level, clock.seconds[level], counts)
        self.number, self.done, self.next = self.number + len(passes), 0, self.next + 1

    def before_target(self) -> None:
        """Run the passes of the entry level that come before the first one that depends on the target."""
        level = LEVELS[self.entered]
        shared = tuple(takewhile(lambda step: not asks_target(step), self._passes(level)))
        with self.watch.clock.stage(level), no_collections():
            self._run(shared, 0)
        self.done = len(shared)

    def parted(self, target: ArchSpec) -> Descent:
        """A copy that continues from here for TARGET."""
        module, texts = clone_module(self.module), dict(self.texts)
        context = self.context.fork()
        context.ledger.estimated_from = target.estimated_from
        return replace(self, module=module, context=context, target=target, label=target.name, texts=texts)

    def launched(self, spilled: Spilled) -> Descent:
        """A copy lowered to the launch level without the kernels in SPILLED; this one does not change."""
        attempt = replace(self, context=self.context.fork(spilled), texts=dict(self.texts))
        attempt.to(LEVELS[-1])
        return attempt

    def _passes(self, level: str) -> tuple[Pass, ...]:
        made = is_made(level, LEVELS[self.entered])
        return passes_to(level, self.target) if made else checks_at(level)

    def _run(self, passes: Sequence[Pass], number: int) -> None:
        watch = self.watch
        manager = PassManager(
            passes, self.context, watch.print_ir, watch.dumps, watch.verify_each, number, label=self.label
        )
        self.module = manager.run(self.module)


def parted_for(targets: Sequence[ArchSpec], start: Descent) -> list[Descent]:
    """START lowered for each of TARGETS to just above the launch level; passes without a target run once."""
    if len(targets) > 1:
        start.before_target()
    ways = [start.parted(target) for target in targets] if len(targets) > 1 else [start]
    for way in ways:
        way.to(LEVELS[-2])
    return ways


def passes_between(module: Module, level: str, target: ArchSpec) -> list[Pass]:
    """The passes that bring MODULE to LEVEL; InputError when it is below that already."""
    check_below(level, module)
    entered = level_of(module)
    levels = (each for each in LEVELS[: LEVELS.index(level) + 1] if is_made(each, entered))
    return [step for each in levels for step in passes_to(each, target)]


def is_made(level: str, entered: str) -> bool:
    """Whether passes produce LEVEL for a module that entered at ENTERED; below the graph level input is taken
    as written."""
    return level == "graph" == entered or LEVELS.index(level) > LEVELS.index(entered)


def check_below(level: str, module: Module) -> None:
    """InputError unless LEVEL is that of MODULE or lies below it."""
    entered = level_of(module)
    if LEVELS.index(level) < LEVELS.index(entered):
        raise InputError(f"the module is at the {entered} level; {level} lies above it")


def op_count(module: Module) -> int:
    """The number of ops in MODULE, including those inside kernels."""
    return sum(1 for _ in module.walk())
