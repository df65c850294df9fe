"""Finds the first decision of the compiler that breaks a model, by bisection over how many are made.

Decisions are made in the same order in every build of a model, and a limit on their number switches
off all that would follow (`PassContext.limit`). So there are two builds that differ in one decision,
the one right and the other wrong; the records that only the latter's ledger has say what it did.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...codegen.interface import BuildOptions, assemble
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...errors import GlassError
from ...runtime.engine import Engine
from ..driver.build import Settings, context_of, launch_level
from ..passes.ledger import Record, Verdict
from ..passes.manager import PassContext
from .network import compare_outputs, worst

Execute = Callable[[Module, Mapping[str, Array]], Mapping[str, Array]]


@dataclass(frozen=True)
class Trial:
    """One build: the relative L2 error of its worst output, or why there is none.

    decisions: how many were made; taken: the ledger's records of them; misshapen: which output has
    another shape than it should have, whose error is infinite then.
    """

    error: float
    problem: str
    decisions: int
    taken: Sequence[Record]
    misshapen: str = ""


@dataclass(frozen=True)
class Bisection:
    """What bisection found.

    culprit: the number of the first decision that breaks the model, counted from 1; 0 when the
    model is broken before any is made, None when it is not broken. records: what that decision,
    and what followed from it, left in the ledger; before, after: the trials without and with it.
    """

    culprit: int | None
    records: Sequence[Record]
    before: Trial
    after: Trial
    trials: int


def bisect(trial: Callable[[int | None], Trial], tolerance: float) -> Bisection:
    """Search with TRIAL, which builds with at most so many decisions (None: all).

    Where the whole build gives wrong numbers, a smaller one that fails outright counts as not wrong;
    where the whole build fails, one that gives any numbers does.
    """
    whole = trial(None)
    if not whole.problem and whole.error <= tolerance:
        return Bisection(None, (), whole, whole, 1)

    def broken(candidate: Trial) -> bool:
        if whole.problem:
            return bool(candidate.problem)
        return not candidate.problem and not candidate.error <= tolerance

    good, bad = trial(0), whole
    count = 2
    if broken(good):
        return Bisection(0, (), good, good, count)
    # A decision that made the build fail was not counted any more.
    low, high = 0, whole.decisions + bool(whole.problem)
    while high - low > 1:
        middle = (low + high) // 2
        candidate = trial(middle)
        count += 1
        if broken(candidate):
            high, bad = middle, candidate
        else:
            low, good = middle, candidate
    return Bisection(high, _only_in(bad, good), good, bad, count)


def _only_in(one: Trial, other: Trial) -> list[Record]:
    """The records of ONE that OTHER has not, each as often as it has it more often, in order."""
    surplus = Counter(map(_text, one.taken))
    surplus.subtract(map(_text, other.taken))
    found = []
    for record in one.taken:
        if surplus[_text(record)] > 0:
            surplus[_text(record)] -= 1
            found.append(record)
    return found


def _text(record: Record) -> str:
    return json.dumps(record.to_json())


@dataclass(frozen=True)
class Trials:
    """Builds the module that LOAD makes anew, with a limit, and compares what EXECUTE gives with WANTED."""

    load: Callable[[], Module]
    settings: Settings
    inputs: Mapping[str, Array]
    wanted: Mapping[str, Array]
    execute: Execute

    def __call__(self, limit: int | None) -> Trial:
        settings = replace(self.settings, limit=limit)
        context = context_of(settings)
        module = self.load()
        try:
            module = launch_level(module, settings, context)
            outputs = self.execute(module, self.inputs)
        except GlassError as error:
            return _trial(math.inf, error.message, context)
        reports = compare_outputs(outputs, self.wanted, 1.0, 0.0)
        misshapen = next((report.problem for report in reports if report.problem), "")
        return replace(_trial(worst(reports), "", context), misshapen=misshapen)


def _trial(error: float, problem: str, context: PassContext) -> Trial:
    taken = [record for record in context.ledger if record.verdict == Verdict.TAKEN]
    return Trial(error, problem, context.decisions, taken)


def in_interpreter(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """Run a launch module in numpy: finds wrong rules, but no wrong kernels."""
    with np.errstate(all="ignore"):
        return interpret(module, inputs)


def on_device(settings: Settings, device: str | None) -> Execute:
    """Runs launch modules on a device."""

    def execute(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        texts = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
        # Kernels that spill are right all the same, and which decision is wrong is the question here.
        options = BuildOptions(settings.targets[:1], settings.cache, spills=True)
        plan = assemble(module, texts, [], options)
        with Engine(plan, device) as engine:
            return engine.run(inputs)

    return execute
