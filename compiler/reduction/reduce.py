"""Makes a model that shows a fault smaller: its nodes, outputs, sizes, and weights.

A step is kept when the fault is still there, so what is left is what the fault needs. Nothing is known of how
the model was made, so it serves for models of any source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from onnx import ModelProto

from ..settings.names import REDUCTION_TRIALS
from ..surgery.models import copied
from .candidate import Faulty, Feeds, TrialModel, computed, is_valid
from .ddmin import ddmin
from .nodes import NodeParts
from .sizes import numbers_of, smaller
from .weights import SIMPLIFICATIONS, simplified, tensors_of

# Called with what is being made smaller, the trials so far, and the smallest model.
Told = Callable[[str, int, TrialModel], object]


class Spent(Exception):
    """There are no trials, or no time, left."""


@dataclass
class ReductionTrials:
    """The trials of one reduction, and the best that they found.

    most, seconds: how many there may be and how long they may take, None for any time; known: whether a
    reference computes the model that all began with.
    """

    faulty: Faulty
    best: TrialModel
    most: int
    seconds: float | None = None
    known: bool = True
    told: Told = lambda *_: None
    count: int = 0
    steps: int = 0
    stage: str = ""
    _begin: float = field(default_factory=time.monotonic)
    _lost: set[bytes] = field(default_factory=set)  # models that do not show the fault

    def shows(self, candidate: TrialModel | None) -> bool:
        """Whether CANDIDATE is a model that shows the fault; then it is the best. Raises Spent."""
        if candidate is None or (key := candidate.digest()) in self._lost:
            return False
        if not is_valid(candidate, self.known):
            self._lost.add(key)
            return False
        if self.count >= self.most or (self.seconds is not None and self._spent() > self.seconds):
            raise Spent
        self.count += 1
        found = self.faulty(candidate.model, candidate.feeds)
        if found:
            self.best, self.steps = candidate, self.steps + 1
        else:
            self._lost.add(key)
        self.told(self.stage, self.count, self.best)
        return found

    def _spent(self) -> float:
        return time.monotonic() - self._begin


@dataclass(frozen=True)
class Reduced:
    """A model and its inputs, which still show the fault, after `steps` steps that were kept of `trials`;
    `done` is false where trials or time ran out before no step was left."""

    model: ModelProto
    feeds: Feeds
    steps: int = 0
    trials: int = 0
    done: bool = True

    @property
    def candidate(self) -> TrialModel:
        return TrialModel(self.model, self.feeds)


def reduced(
    model: ModelProto,
    feeds: Feeds,
    faulty: Faulty,
    trials: int = REDUCTION_TRIALS,
    seconds: float | None = None,
    told: Told = lambda *_: None,
) -> Reduced:
    """The smallest model that was found within so many TRIALS and SECONDS; MODEL itself where no step keeps
    the fault, which it is taken to have.

    FAULTY is called with smaller models and their inputs, all of which ONNX Runtime, or else the reference
    implementation, can run if it can run MODEL. MODEL may be used by others: it is copied.
    """
    start = TrialModel(copied(model), dict(feeds))
    run = ReductionTrials(faulty, start, trials, seconds, computed(start) is not None, told)
    done = True
    try:
        _until_nothing_helps(run)
    except Spent:
        done = False
    return Reduced(run.best.model, run.best.feeds, run.steps, run.count, done)


def _until_nothing_helps(run: ReductionTrials) -> None:
    while True:
        before = run.best
        for name, stage in _STAGES.items():
            run.stage = name
            stage(run)
        if run.best is before:
            return


def _fewer_nodes(run: ReductionTrials) -> None:
    parts = NodeParts(run.best)
    ddmin(range(run.best.nodes), lambda kept: run.shows(parts.of_nodes(kept)))


def _fewer_outputs(run: ReductionTrials) -> None:
    names = [value.name for value in run.best.model.graph.output]
    if len(names) > 1:
        parts = NodeParts(run.best)
        ddmin(names, lambda kept: run.shows(parts.of_outputs(kept)))


def _smaller_sizes(run: ReductionTrials) -> None:
    """Each number once, from the largest on; the next round looks anew at what changes along."""
    for number in numbers_of(run.best):
        if number in numbers_of(run.best):
            _first(run, smaller(run.best, number))


def _first(run: ReductionTrials, candidates: Iterable[TrialModel]) -> None:
    """Keep the first of CANDIDATES, which all have fewer numbers, that shows the fault."""
    elements = run.best.elements
    next((True for each in candidates if each.elements < elements and run.shows(each)), None)


def _simpler_weights(run: ReductionTrials) -> None:
    for name, simple in SIMPLIFICATIONS.items():
        whole = run.best
        names = tensors_of(whole, name)

        def shows(kept: Sequence[str], whole: TrialModel = whole, simple=simple, names=names) -> bool:  # type: ignore[no-untyped-def]
            return run.shows(simplified(whole, set(names) - set(kept), simple))

        if names:
            ddmin(names, shows)


_STAGES: dict[str, Callable[[ReductionTrials], None]] = {
    "nodes": _fewer_nodes,
    "outputs": _fewer_outputs,
    "sizes": _smaller_sizes,
    "weights": _simpler_weights,
}
