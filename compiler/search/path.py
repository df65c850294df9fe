"""The way from the cheapest mixture of formats to the most exact one, step by step.

It begins with every candidate in eight bits, in whichever format is expected to be the faster, and
goes on by the move, of one candidate into a format with less noise, that costs least time per noise
taken away. What a move costs depends on the neighbours: a tensor is stored in eight bits for free
where the kernel that makes it can round it, and an op alone among others may need a kernel to convert
what it reads. So the times of moves are guesses, from three builds, until the few that look best are
built, and what was learned is kept for later steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..settings.policy import EIGHT_BITS
from .sensitivity import OpSensitivity
from .trials import Times

Mixture = tuple[str | None, ...]  # the format of every candidate; None is that of the base
Move = tuple[int, str | None]  # a candidate, and the format it goes to

BUILT_AT_A_STEP = 3
WORTH = 0.01  # microseconds; what saves less saves nothing
TIE = 0.01  # times that differ by this share are equal: the more exact format is taken


def changed(mixture: Mixture, move: Move) -> Mixture:
    """MIXTURE after MOVE."""
    number, form = move
    return (*mixture[:number], form, *mixture[number + 1 :])


@dataclass(frozen=True)
class PathStep:
    """A mixture, its time in microseconds by the cost model, and the move that led to it.

    costs: microseconds by which the move made it slower; negative where it became faster.
    """

    mixture: Mixture
    microseconds: float
    move: Move | None = None
    costs: float = 0.0


@dataclass
class Path:
    """The steps for OPS. times: those of a mixture, which is built for it; formats: those to mix."""

    ops: Sequence[OpSensitivity]
    formats: Sequence[str]
    times: Callable[[Mixture], Times]
    _guesses: dict[Move, float] = field(default_factory=dict)

    @property
    def base(self) -> Mixture:
        """Everything in the format of the base."""
        return (None,) * len(self.ops)

    def steps(self) -> Iterator[PathStep]:
        """From the cheapest mixture to the base, each when it is asked for."""
        mixture = self._cheapest()
        step = PathStep(mixture, self.times(mixture).total)
        yield step
        while any(form is not None for form in step.mixture):
            step = self._next(step)
            yield step

    def noise(self, move: Move) -> float:
        """The relative noise power, at the worst output, of one candidate in a format."""
        number, form = move
        return 0.0 if form is None else max(self.ops[number].noise[form].values())

    # ------------------------------------------------------------ where it begins

    def _cheapest(self) -> Mixture:
        """Each candidate in the format that looks fastest; times are split by the nodes of launches."""
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
        return min(near, key=lambda mixture: (self._loudness(mixture), found[mixture]))

    def _loudness(self, mixture: Mixture) -> float:
        return sum(self.noise(move) for move in enumerate(mixture))

    def _uniform(self, form: str) -> Mixture:
        """Everything in FORM that can be; the rest in another format of eight bits, or as the base."""
        order = [form, *(other for other in EIGHT_BITS if other != form)]
        return tuple(next((each for each in order if each in op.noise), None) for op in self.ops)

    def _share(self, times: Times, number: int) -> float:
        return sum(times.by_node.get(node, 0.0) for node in self.ops[number].candidate.nodes)

    # ------------------------------------------------------------ where it goes

    def _next(self, step: PathStep) -> PathStep:
        """The step that costs least per noise taken away, of those that looked best."""
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
        """All moves that take noise away."""
        for number, form in enumerate(mixture):
            for other in (None, *self.ops[number].noise) if form is not None else ():
                if other != form and self.noise((number, other)) < self.noise((number, form)):
                    yield number, other
            if form is not None and not self.noise((number, form)):
                yield number, None  # it is exact, and at the end of the way nevertheless

    def _rank(self, move: Move, mixture: Mixture, costs: float) -> tuple[int, float, int, str]:
        """What is faster comes first, the most so; then what costs least per noise taken away."""
        number, form = move
        gain = self.noise((number, mixture[number])) - self.noise(move)
        if costs <= WORTH:
            return 0, costs, number, form or ""
        return (1, costs / gain, number, form or "") if gain else (2, costs, number, form or "")
