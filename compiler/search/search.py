"""The search for the fastest mixture of formats within a budget: times by the cost model, quality measured.

To first order the noise of single ops adds up at the output, so the sum estimates which mixtures are worth a
measurement. The chosen mixture was executed: an estimate alone never decides that it meets the budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from ..driver.clock import Progress
from ..settings.formats import EIGHT_BITS
from ..settings.policy import PrecisionPolicy
from .budget import Budget
from .candidates import with_formats
from .path import WORTH, Mixture, Move, Path, PathStep, changed
from .quality import Quality, Reference, added, sqnr
from .sensitivity import Sensitivity, measured, unmeasured
from .trials import MixtureTrials, Times

STAGE = "search"
SLACK = 3.0  # dB by which an estimate may be too low

# Why a move to eight bits was declined: by the estimated noise, the time, or the measured quality.
NO_ROOM, NO_TIME, TOO_MUCH = "estimate", "time", "measured"


@dataclass(frozen=True)
class Point:
    """A mixture that was considered.

    microseconds: by the cost model; estimated: SQNR in dB; quality: as measured, None where the estimate was
    too low or the time too long for a measurement.
    """

    mixture: Mixture
    microseconds: float
    estimated: float
    quality: Quality | None = None

    def count(self, form: str | None) -> int:
        """How many candidates are in FORM, None being the format of the base."""
        return sum(each == form for each in self.mixture)


@dataclass(frozen=True)
class Found:
    """The result of a search.

    policy: the chosen mixture as a policy; chosen: its point; plain: the point of the base; points: all that
    were considered, the fastest first; savings: by candidate, the microseconds that its eight bits save in
    the chosen mixture; declined: the moves that were tried and not made: NO_ROOM where the estimate misses
    the budget, NO_TIME where no time is saved, TOO_MUCH where a mixture with it was measured and misses the
    budget; top1: the accuracy of fp32 in percent, None without labels.
    """

    base: PrecisionPolicy
    budget: Budget
    sensitivity: Sensitivity
    policy: PrecisionPolicy
    chosen: Point
    plain: Point
    points: tuple[Point, ...]
    savings: Mapping[int, float]
    declined: Mapping[Move, str]
    top1: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the chosen point, as measured, meets the budget; only the base may be chosen without."""
        return self.chosen.quality is not None and self.budget.holds(self.chosen.quality)

    @property
    def front(self) -> list[Point]:
        """The Pareto front of the points, with the chosen one and the base; the fastest first."""
        kept, fastest = [], math.inf
        for point in sorted(self.points, key=lambda point: (-point.estimated, point.microseconds)):
            if point.microseconds < fastest - WORTH or point in (self.chosen, self.plain):
                kept.append(point)
            fastest = min(fastest, point.microseconds)
        return sorted(kept, key=lambda point: (point.microseconds, -point.estimated))


def search(
    trials: MixtureTrials,
    base: PrecisionPolicy,
    budget: Budget,
    reference: Reference,
    progress: Progress | None = None,
    known: Sensitivity | None = None,
) -> Found:
    """Find the fastest mixture of BASE and eight bits whose measured quality is within BUDGET, else BASE.

    KNOWN is the sensitivity of single ops, if it was measured before. Where BASE itself misses the budget
    nothing is searched and single ops are not measured. Raises what `build` raises for BASE.
    """
    floor = reference.quality(trials.outputs(base))
    sensitivities = measured if budget.holds(floor) else unmeasured
    found = known or sensitivities(trials, reference, base, tuple(EIGHT_BITS), progress)
    return _Search(trials, base, budget, reference, found, floor, progress).run()


@dataclass
class _Search:
    """The state of one search; `floor` is the measured quality of the base."""

    trials: MixtureTrials
    base: PrecisionPolicy
    budget: Budget
    reference: Reference
    sensitivity: Sensitivity
    floor: Quality
    progress: Progress | None
    _points: dict[Mixture, Point] = field(default_factory=dict)
    _savings: dict[int, float] = field(default_factory=dict)
    _declined: dict[Move, str] = field(default_factory=dict)

    def run(self) -> Found:
        path = Path(self.sensitivity.ops, tuple(EIGHT_BITS), self._time)
        plain = Point(path.base, self._time(path.base).total, sqnr(self.floor.noise), self.floor)
        self._points[path.base] = plain
        chosen = plain
        if self.budget.holds(self.floor) and any(op.noise for op in self.sensitivity.ops):
            chosen = self._settled(self._best(path, plain))
        self._tell(1, 1)
        points = sorted(self._points.values(), key=lambda point: (point.microseconds, -point.estimated))
        return Found(
            self.base,
            self.budget,
            self.sensitivity,
            self._policy(chosen.mixture),
            chosen,
            plain,
            tuple(points),
            self._savings,
            self._declined,
            self.reference.top1,
        )

    # ------------------------------------------------------------ the way

    def _walk(self, path: Path, plain: Point) -> Point:
        """The first mixture on the path that meets the budget and is faster than PLAIN, else PLAIN."""
        steps: Iterator[PathStep | None] = chain(path.steps(), [None])
        for number, (step, following) in enumerate(pairwise(steps)):
            assert step is not None  # only the last element of the chain is None
            self._tell(min(number, len(path.base)), len(path.base) + 1)
            if step.mixture == path.base:
                break
            # If the next step, which is more exact, is no slower, this one need not be measured.
            passed = following is not None and following.costs <= WORTH
            point = self._point(step, plain, passed)
            if point.quality is not None and self.budget.holds(point.quality):
                return point
        return plain

    def _point(self, step: PathStep, plain: Point, passed: bool) -> Point:
        """The point of STEP's mixture, measured if it could be chosen."""
        point = Point(step.mixture, step.microseconds, self._estimate(step.mixture))
        slow = point.microseconds > plain.microseconds - WORTH
        if not slow and not passed and not self.budget.hopeless(point.estimated, SLACK):
            point = replace(point, quality=self._quality(step.mixture))
        self._points[step.mixture] = point
        return point

    # ------------------------------------------------------------ what can be done better

    def _best(self, path: Path, plain: Point) -> Point:
        """The faster of the mixtures found from the path's result and from PLAIN.

        The path may become slower than PLAIN before it meets the budget. It then misses mixtures of a few ops
        that save time and add little noise, which starting from PLAIN finds.
        """
        passed = self._walk(path, plain)
        starts = [plain] if passed is plain else [passed, plain]
        found = [self._refilled(path, start) for start in starts]
        best, self._declined = min(found, key=lambda pair: pair[0].microseconds)
        return best

    def _refilled(self, path: Path, start: Point) -> tuple[Point, dict[Move, str]]:
        """START with more candidates in eight bits, where the estimate allows it and time is saved; and the
        declined moves with their reasons.

        The path may remove large noise late; moves that it made before may then fit the budget again.
        """
        mixtures, made = [start.mixture], []
        declined: dict[Move, str] = {}
        for move in self._more(path, start.mixture):
            mixture = mixtures[-1]
            if mixture[move[0]] is not None:
                continue
            more = changed(mixture, move)
            if self.budget.hopeless(self._estimate(more), 0.0):
                declined[move] = NO_ROOM
            elif self._time(mixture).total - self._time(more).total <= WORTH:
                declined[move] = NO_TIME
            else:
                mixtures.append(more)
                made.append(move)
        count = len(made)
        while count:
            found = self._if_it_holds(mixtures[count], start)
            if found is not start:
                return found, declined
            # The estimate was too high. Try the half of the added moves with the least noise.
            declined |= dict.fromkeys(made[count // 2 : count], TOO_MUCH)
            count //= 2
        return start, declined

    def _more(self, path: Path, mixture: Mixture) -> list[Move]:
        """Moves of candidates to eight bits, those with the least noise first."""
        moves = [(n, form) for n, op in enumerate(path.ops) if mixture[n] is None for form in op.noise]
        return sorted(moves, key=lambda move: (path.noise(move), move))

    def _settled(self, chosen: Point) -> Point:
        """CHOSEN without eight bits where they save no time; records the savings of the others."""
        mixture = chosen.mixture
        for number in range(len(mixture)):
            if mixture[number] is not None:
                without = changed(mixture, (number, None))
                saved = self._time(without).total - self._time(mixture).total
                self._savings[number] = saved
                mixture = mixture if saved > WORTH else without
        return self._if_it_holds(mixture, chosen)

    def _if_it_holds(self, mixture: Mixture, chosen: Point) -> Point:
        """The point of MIXTURE if its measured quality is within the budget, else CHOSEN."""
        if mixture == chosen.mixture:
            return chosen
        known = self._points.get(mixture)
        if known is None or known.quality is None:
            time, estimate = self._time(mixture).total, self._estimate(mixture)
            known = self._points[mixture] = Point(mixture, time, estimate, self._quality(mixture))
        assert known.quality is not None  # measured above if it was not before
        return known if self.budget.holds(known.quality) else chosen

    # ------------------------------------------------------------ what is known of a mixture

    def _time(self, mixture: Mixture) -> Times:
        return self.trials.times(self._policy(mixture))

    def _quality(self, mixture: Mixture) -> Quality:
        return self.reference.quality(self.trials.outputs(self._policy(mixture)))

    def _estimate(self, mixture: Mixture) -> float:
        """The estimated SQNR of MIXTURE in dB: the noise of the base and of each op alone, added up."""
        pairs = zip(self.sensitivity.ops, mixture, strict=True)
        alone = [op.noise[form] for op, form in pairs if form is not None]
        return sqnr(added([self.floor.noise, *alone]))

    def _policy(self, mixture: Mixture) -> PrecisionPolicy:
        return with_formats(self.base, [op.candidate for op in self.sensitivity.ops], mixture)

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(STAGE, done, total)
