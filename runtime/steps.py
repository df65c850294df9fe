"""The steps of a plan as a tree: launches by number, branches and loops, as in the manifest and bound.

The launches of a plan are one list. If some run conditionally or repeatedly, the manifest's `steps` say
which, in the order of the list, and contain each launch once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .expressions import Expression, clip
from .manifest_fields import Fields, fails

MAX_NESTING = 16  # the deepest nesting of control ops
COUNTER_BYTES = 8  # an i64: an iteration counter, or a trip count
CONDITION_BYTES = 1  # a bool

Place = TypeVar("Place")  # a buffer: its name, or its bound place
Size = TypeVar("Size")  # a trip count: an expression, or its value


@dataclass(frozen=True)
class Branch(Generic[Place, Size]):
    """Runs `then` if the bool in `condition` is true, else `otherwise`."""

    condition: Place
    then: tuple[Step[Place, Size], ...]
    otherwise: tuple[Step[Place, Size], ...]


@dataclass(frozen=True)
class Repeat(Generic[Place, Size]):
    """Runs `body` while the completed iterations, counted in `counter`, are fewer than `bound` and than the
    i64 in `trips`, and the bool in `condition` is true; None does not limit them."""

    counter: Place
    trips: Place | None
    condition: Place | None
    bound: Size | None
    body: tuple[Step[Place, Size], ...]


Step = int | Branch[Place, Size] | Repeat[Place, Size]
StepSpec = Step[str, Expression]


def launches_in(steps: Sequence[Step[Place, Size]]) -> Iterator[int]:
    """The launches of STEPS, by number, in order."""
    for step in steps:
        if isinstance(step, int):
            yield step
        else:
            for inner in lists_of(step):
                yield from launches_in(inner)


def controls_in(
    steps: Sequence[Step[Place, Size]],
) -> Iterator[Branch[Place, Size] | Repeat[Place, Size]]:
    """The branches and loops of STEPS, each before those inside it."""
    for step in steps:
        if not isinstance(step, int):
            yield step
            for inner in lists_of(step):
                yield from controls_in(inner)


def lists_of(step: Branch[Place, Size] | Repeat[Place, Size]) -> tuple[tuple[Step[Place, Size], ...], ...]:
    """The lists of steps inside STEP."""
    return (step.then, step.otherwise) if isinstance(step, Branch) else (step.body,)


def segments_in(steps: Sequence[Step[Place, Size]]) -> Iterator[list[int]]:
    """The launches of STEPS in segments: consecutive launches of one list, with no branch or loop between
    them."""
    segment: list[int] = []
    for step in steps:
        if isinstance(step, int):
            segment.append(step)
            continue
        yield segment
        segment = []
        for inner in lists_of(step):
            yield from segments_in(inner)
    yield segment


# ---------------------------------------------------------------- reading a manifest


def parse_steps(fields: Fields, launches: int) -> tuple[StepSpec, ...]:
    """The steps of the manifest in FIELDS, which lists LAUNCHES launches; by default all of them in order.

    Raises `PlanError` unless they form a tree of all launches in order.
    """
    if "steps" not in fields.values:
        return tuple(range(launches))
    steps = _steps(fields, "steps", 0)
    if list(launches_in(steps)) != list(range(launches)):
        raise fails("steps", f"do not run launches 0 to {launches - 1}, each once and in order")
    return steps


def _steps(fields: Fields, key: str, depth: int) -> tuple[StepSpec, ...]:
    if depth > MAX_NESTING:
        raise fails(fields.where, f"nests branches and loops more than {MAX_NESTING} deep")
    found: list[StepSpec] = []
    for index, value in enumerate(fields.array(key)):
        if isinstance(value, int) and not isinstance(value, bool):
            found.append(value)
        else:
            found.append(_control(Fields(value, f"{fields.where} {key}[{index}]"), depth))
    return tuple(found)


def _control(fields: Fields, depth: int) -> StepSpec:
    (kind, *others) = fields.values or [""]
    if others or kind not in ("if", "loop"):
        raise fails(fields.where, f"needs exactly one of if, loop, not {clip(', '.join(fields.values))}")
    inner = Fields(fields.get(kind), f"{fields.where} {kind}")
    if kind == "if":
        then, otherwise = (_steps(inner, key, depth + 1) for key in ("then", "else"))
        return Branch(inner.text("condition"), then, otherwise)
    optional = {key: inner.text(key) if key in inner.values else None for key in ("trips", "condition")}
    bound = inner.expression("bound") if "bound" in inner.values else None
    if bound is None and not any(optional.values()):
        raise fails(inner.where, "needs one of bound, trips, condition: it would never end")
    body = _steps(inner, "body", depth + 1)
    return Repeat(inner.text("counter"), optional["trips"], optional["condition"], bound, body)
