"""Finds the first compiler decision that breaks a model, by bisection over the number of decisions.

Every build of a model makes its decisions in the same order, and a limit on their number disables the rest
(`PassContext.limit`). So two builds can be found that differ by one decision, one right and one wrong. The
ledger records that only the wrong one has say what the decision did.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...codegen.interface import BuildOptions, UnfitError, assemble
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.core.unpadded import without_padding
from ...dialects.launch import Kernel, kernels_in
from ...errors import GlassError
from ...runtime.engine import Engine
from ..driver.build import Settings, context_of, launch_level
from ..passes.ledger import Record, Verdict
from ..passes.manager import PassContext
from ..passes.spilled import Spilled
from .network import compare_outputs, worst

Execute = Callable[[Module, Mapping[str, Array]], Mapping[str, Array]]


@dataclass(frozen=True)
class Trial:
    """One build: the largest relative L2 error of its outputs, or the problem that prevented a result.

    decisions: how many were made; taken: the ledger's records of them; misshapen: a message about an output
    of the wrong shape, whose error is infinite, "" for none.
    """

    error: float
    problem: str
    decisions: int
    taken: Sequence[Record]
    misshapen: str = ""


@dataclass(frozen=True)
class Bisection:
    """The result of a bisection.

    culprit: the number of the first decision that breaks the model, counted from 1; 0 where the model is
    wrong without any decision, None where it is right with all; records: the ledger's records of that
    decision and of what followed from it; before, after: the trials without and with it; trials: how many
    builds were tried.
    """

    culprit: int | None
    records: Sequence[Record]
    before: Trial
    after: Trial
    trials: int


def bisect(trial: Callable[[int | None], Trial], tolerance: float) -> Bisection:
    """Find the first decision with which TRIAL is wrong; TRIAL builds with at most N decisions (None: all).

    A build is wrong in the way the whole build is. If that exceeds TOLERANCE, a relative L2 error, a build
    that fails is not wrong; if the whole build fails, a build that gives any numbers is not wrong.
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
    # The decision at which the build failed was not counted.
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
    """The records of ONE, in order, minus those of OTHER, as a multiset difference."""
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
    """Builds a fresh module from `load` with a limit on decisions, runs it by `execute` on `inputs`, and
    compares the outputs with `wanted`.

    As in a build, a kernel that turns out to spill registers is chosen again, in another configuration.
    """

    load: Callable[[], Module]
    settings: Settings
    inputs: Mapping[str, Array]
    wanted: Mapping[str, Array]
    execute: Execute

    def __call__(self, limit: int | None) -> Trial:
        settings, spilled = replace(self.settings, limit=limit), Spilled()
        while True:
            context = context_of(settings)
            context.spilled = spilled
            module = self.load()
            try:
                module = launch_level(module, settings, context)
                outputs = self.execute(module, self.inputs)
                break
            except UnfitError as error:
                more = spilled.and_those(_launches(module), error.problems, {})
                if more == spilled:
                    return _trial(math.inf, error.message, context)
                spilled = more
            except GlassError as error:
                return _trial(math.inf, error.message, context)
        return self._compared(outputs, module, context)

    def _compared(self, outputs: Mapping[str, Array], module: Module, context: PassContext) -> Trial:
        wanted = without_padding(module, self.wanted, self.inputs)
        reports = compare_outputs(outputs, wanted, 1.0, 0.0)
        misshapen = next((report.problem for report in reports if report.problem), "")
        return replace(_trial(worst(reports), "", context), misshapen=misshapen)


def _launches(module: Module) -> list[Kernel]:
    return list(kernels_in(module.main.block))


def _trial(error: float, problem: str, context: PassContext) -> Trial:
    taken = [record for record in context.ledger if record.verdict == Verdict.TAKEN]
    return Trial(error, problem, context.decisions, taken)


def in_interpreter(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """Run a launch module in numpy, which finds wrong rules but not wrong kernels."""
    with np.errstate(all="ignore"):
        return interpret(module, inputs)


def on_device(settings: Settings, device: str | None) -> Execute:
    """A function that compiles a launch module for the first target of SETTINGS and runs it on DEVICE.

    It raises UnfitError for a designed kernel that spills registers.
    """

    def execute(module: Module, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        texts = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
        options = BuildOptions(settings.targets[:1], settings.cache)
        plan = assemble(module, texts, [], options)
        with Engine(plan, device) as engine:
            return engine.run(inputs)

    return execute
