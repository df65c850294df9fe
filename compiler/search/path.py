"""The greedy path from the fastest mixture of formats to the most exact one.

It starts with every candidate in eight bits, in the format that is expected to be faster. Each step moves one
candidate to a format with less noise: the move that costs least time per noise removed. The cost of a move
depends on its neighbours: a producer may quantize its result for free, and an isolated eight-bit op may need
a kernel that quantizes its operand. So the costs are guesses, from three builds, until the few moves that
look best are built; the measured costs are kept for later steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..settings.formats import EIGHT_BITS
from .sensitivity import OpSensitivity
from .trials import Times

Mixture = tuple[str | None, ...]  # the format of every candidate; None is that of the base
Move = tuple[int, str | None]  # a candidate, and the format it moves to

BUILT_AT_A_STEP = 3
# How exact sums of expected times are on any target: their parts are rounded (`trials.DIGITS`), and no fit of
# a cost model is exact to a hundredth.
WORTH = 0.01  # microseconds; smaller savings count as none
TIE = 0.01  # relative; times that differ by less are equal, and the more exact format is taken


def changed(mixture: Mixture, move: Move) -> Mixture:
    """MIXTURE after MOVE."""
    number, form = move
    return (*mixture[:number], form, *mixture[number + 1 :])


@dataclass(frozen=True)
class PathStep:
    """A mixture, its time in microseconds by the cost model, and the move that led to it.

    costs: the microseconds that the move added; negative where the mixture became faster.
    """

    mixture: Mixture
    microseconds: float
    move: Move | None = None
    costs: float = 0.0


@dataclass
class Path:
    """The path for `ops`, over mixtures of `formats`; `times` builds a mixture and gives its times."""

    ops: Sequence[OpSensitivity]
    formats: Sequence[str]
    times: Callable[[Mixture], Times]
    _guesses: dict[Move, float] = field(default_factory=dict)

    @property
    def base(self) -> Mixture:
        """The mixture with all candidates in the format of the base."""
        return (None,) * len(self.ops)

    def steps(self) -> Iterator[PathStep]:
        """The steps from the fastest mixture to the base; each is built when it is requested."""
        mixture = self._cheapest()
        step = PathStep(mixture, self.times(mixture).total)
        yield step
        while any(form is not None for form in step.mixture):
            step = self._next(step)
            yield step

    def noise(self, move: Move) -> float:
        """The relative noise power at the worst output when MOVE's candidate alone runs in its format."""
        number, form = move
        return 0.0 if form is None else max(self.ops[number].noise[form].values())

    # ------------------------------------------------------------ where it begins

    def _cheapest(self) -> Mixture:
        """The mixture with each candidate in the format that looks fastest.

        Times of single candidates are shares of launches, by ONNX node, in builds of uniform mixtures.
        """
        uniform = {form: self._uniform(form) for form in self.formats}
        times = {form: self.times(mixture) for form, mixture in uniform.items()}
        spent = {form: [self._share(times[form], n) for n in range(len(self.ops))] for form in times}
        plain = self.times(self.base)
        guessed: list[str | None] = []
        for number, op in enumerate(self.ops):
            known: dict[str, float] = {form: spent[form][number] for form in op.noise}
            limit = min(known.values(), default=0.0) * (1 + TIE)
            fast = [form for form in known if known[form] <= limit]
            best = min(fast, key=lambda form: self.noise((number, form)), default=None)
            guessed.append(best)
            now = known[best] if best is not None else 0.0
            self._guesses |= {(number, form): time - now for form, time in known.items()}
            self._guesses[number, None] = self._share(plain, number) - now
        found = {mixture: times[form].total for form, mixture in uniform.items()}
        start = tuple(guessed)
        found[start] = self.times(start).total
        limit = min(found.values()) * (1 + TIE)
        near = [mixture for mixture in found if found[mixture] <= limit]
        return min(near, key=lambda mixture: (self._total_noise(mixture), found[mixture]))

    def _total_noise(self, mixture: Mixture) -> float:
        return sum(self.noise(move) for move in enumerate(mixture))

    def _uniform(self, form: str) -> Mixture:
        """All candidates in FORM where possible, else in another eight-bit format, else as the base."""
        order = [form, *(other for other in EIGHT_BITS if other != form)]
        return tuple(next((each for each in order if each in op.noise), None) for op in self.ops)

    def _share(self, times: Times, number: int) -> float:
        return sum(times.by_node.get(node, 0.0) for node in self.ops[number].candidate.nodes)

    # ------------------------------------------------------------ where it goes

    def _next(self, step: PathStep) -> PathStep:
        """The step that costs least time per noise removed, among the few that look best and are built."""
        moves = list(self._moves(step.mixture))
        ranks = {move: self._rank(move, step.mixture, self._guesses[move]) for move in moves}
        built: dict[Move, PathStep] = {}
        for _ in range(min(BUILT_AT_A_STEP, len(moves))):
            move = min((move for move in moves if move not in built), key=lambda move: ranks[move])
            built[move] = self._step(step, move)
            self._guesses[move] = built[move].costs
            ranks[move] = self._rank(move, step.mixture, built[move].costs)
            if all(ranks[move] <= ranks[other] for other in moves):
                break
        return built[min(built, key=lambda move: ranks[move])]

    def _step(self, step: PathStep, move: Move) -> PathStep:
        mixture = changed(step.mixture, move)
        time = self.times(mixture).total
        return PathStep(mixture, time, move, time - step.microseconds)

    def _moves(self, mixture: Mixture) -> Iterator[Move]:
        """All moves to less noise."""
        for number, form in enumerate(mixture):
            for other in (None, *self.ops[number].noise) if form is not None else ():
                if other != form and self.noise((number, other)) < self.noise((number, form)):
                    yield number, other
            if form is not None and not self.noise((number, form)):
                yield number, None  # an exact candidate must end in the base, too

    def _rank(self, move: Move, mixture: Mixture, costs: float) -> tuple[int, float, int, str]:
        """The sort key of MOVE: first moves that save time, most first; then by cost per noise removed."""
        number, form = move
        gain = self.noise((number, mixture[number])) - self.noise(move)
        if costs <= WORTH:
            return 0, costs, number, form or ""
        return (1, costs / gain, number, form or "") if gain else (2, costs, number, form or "")
