"""The cheapest mixture of formats that a budget allows, by the cost model, and as measured.

Noise of single ops adds up at the output to first order, so a sum says which mixtures are worth a
measurement. What is taken was executed: an estimate alone never decides that a budget holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from ..driver.clock import Progress
from ..settings.policy import EIGHT_BITS, PrecisionPolicy
from .budget import Budget
from .candidates import with_formats
from .path import WORTH, Mixture, Move, Path, PathStep, changed
from .quality import Quality, Reference, added, sqnr
from .sensitivity import Sensitivity, measured, unmeasured
from .trials import MixtureTrials, Times

STAGE = "search"
SLACK = 3.0  # dB by which an estimate may be too low

# Why a move into eight bits was not made, by what was looked at.
NO_ROOM, NO_TIME, TOO_MUCH = "estimate", "time", "measured"


@dataclass(frozen=True)
class Point:
    """A mixture that was considered: microseconds by the cost model, the estimated SQNR in dB, and what was
    measured, None where the estimate was too low, or the time too long, for that."""

    mixture: Mixture
    microseconds: float
    estimated: float
    quality: Quality | None = None

    def count(self, form: str | None) -> int:
        """How many candidates are in FORM, None being the format of the base."""
        return sum(each == form for each in self.mixture)


@dataclass(frozen=True)
class Found:
    """The outcome of a search.

    policy: the mixture as a policy; chosen: its point; plain: that of the base; points: all that were
    considered, the fastest first; holds: whether what was measured of `chosen` is within the budget, which
    only the base may fail; savings: by candidate, what its eight bits save in the chosen mixture; declined:
    the moves that were tried on the way to `chosen` and not made: NO_ROOM where the estimate with it is
    beyond the budget, NO_TIME where it saves none, TOO_MUCH where it was measured beside others and they
    were beyond the budget; top1: of fp32, in percent.
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
        return self.chosen.quality is not None and self.budget.holds(self.chosen.quality)

    @property
    def front(self) -> list[Point]:
        """The points that none more exact is as fast as, the chosen one and the base; the fastest first."""
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
    """The fastest mixture of BASE and eight bits whose measured quality is within BUDGET, else BASE.

    KNOWN is what was measured of single ops, where that was done before. Where BASE itself fails there is
    nothing to search: single ops are not measured then. Raises what `build` raises for BASE.
    """
    floor = reference.quality(trials.outputs(base))
    sensitivities = measured if budget.holds(floor) else unmeasured
    found = known or sensitivities(trials, reference, base, tuple(EIGHT_BITS), progress)
    return _Search(trials, base, budget, reference, found, floor, progress).run()


@dataclass
class _Search:
    """The state of one search. floor: what was measured of the base."""

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
        """The first mixture on the way that holds and is faster than PLAIN, which is at its end."""
        steps: Iterator[PathStep | None] = chain(path.steps(), [None])
        for number, (step, following) in enumerate(pairwise(steps)):
            assert step is not None  # only the last one is
            self._tell(min(number, len(path.base)), len(path.base) + 1)
            if step.mixture == path.base:
                break
            # Where the next step is no slower, and more exact, this one need not be measured.
            passed = following is not None and following.costs <= WORTH
            point = self._point(step, plain, passed)
            if point.quality is not None and self.budget.holds(point.quality):
                return point
        return plain

    def _point(self, step: PathStep, plain: Point, passed: bool) -> Point:
        """What is known of the mixture of STEP; measured if that can change anything."""
        point = Point(step.mixture, step.microseconds, self._estimate(step.mixture))
        slow = point.microseconds > plain.microseconds - WORTH
        if not slow and not passed and not self.budget.hopeless(point.estimated, SLACK):
            point = replace(point, quality=self._quality(step.mixture))
        self._points[step.mixture] = point
        return point

    # ------------------------------------------------------------ what can be done better

    def _best(self, path: Path, plain: Point) -> Point:
        """The fastest of what is found from the way, and from PLAIN.

        The way may become slower than PLAIN before it is within the budget, and never see the few ops that
        are both quiet and worth it.
        """
        passed = self._walk(path, plain)
        starts = [plain] if passed is plain else [passed, plain]
        found = [self._refilled(path, start) for start in starts]
        best, self._declined = min(found, key=lambda pair: pair[0].microseconds)
        return best

    def _refilled(self, path: Path, start: Point) -> tuple[Point, dict[Move, str]]:
        """START with more candidates in eight bits, where the estimate leaves room and time is saved; and
        why not the others.

        The way takes large noise away late; what went before it may fit again.
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
            # The estimate was too high: half of what was added, the quieter one, may hold.
            declined |= dict.fromkeys(made[count // 2 : count], TOO_MUCH)
            count //= 2
        return start, declined

    def _more(self, path: Path, mixture: Mixture) -> list[Move]:
        """Candidates that could go into eight bits again, those that cost the budget least first."""
        moves = [(n, form) for n, op in enumerate(path.ops) if mixture[n] is None for form in op.noise]
        return sorted(moves, key=lambda move: (path.noise(move), move))

    def _settled(self, chosen: Point) -> Point:
        """CHOSEN without the eight bits that save nothing there; notes what the others save."""
        mixture = chosen.mixture
        for number in range(len(mixture)):
            if mixture[number] is not None:
                without = changed(mixture, (number, None))
                saved = self._time(without).total - self._time(mixture).total
                self._savings[number] = saved
                mixture = mixture if saved > WORTH else without
        return self._if_it_holds(mixture, chosen)

    def _if_it_holds(self, mixture: Mixture, chosen: Point) -> Point:
        """The point of MIXTURE if it is measured to be within the budget, else CHOSEN."""
        if mixture == chosen.mixture:
            return chosen
        known = self._points.get(mixture)
        if known is None or known.quality is None:
            time, estimate = self._time(mixture).total, self._estimate(mixture)
            known = self._points[mixture] = Point(mixture, time, estimate, self._quality(mixture))
        assert known.quality is not None  # it was measured at the latest now
        return known if self.budget.holds(known.quality) else chosen

    # ------------------------------------------------------------ what is known of a mixture

    def _time(self, mixture: Mixture) -> Times:
        return self.trials.times(self._policy(mixture))

    def _quality(self, mixture: Mixture) -> Quality:
        return self.reference.quality(self.trials.outputs(self._policy(mixture)))

    def _estimate(self, mixture: Mixture) -> float:
        """The SQNR, in dB, of what the base and each op alone lose, added up."""
        pairs = zip(self.sensitivity.ops, mixture, strict=True)
        alone = [op.noise[form] for op, form in pairs if form is not None]
        return sqnr(added([self.floor.noise, *alone]))

    def _policy(self, mixture: Mixture) -> PrecisionPolicy:
        return with_formats(self.base, [op.candidate for op in self.sensitivity.ops], mixture)

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(STAGE, done, total)
