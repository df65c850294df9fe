"""In which order the channels of joined siblings lie, for the concats that some of them are parts of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.movement import Concat, Reshape


@dataclass(frozen=True)
class Arrangement:
    """Siblings in the order of their channels.

    `copied` are, for each concat that cannot have its parts written where they belong then, these
    parts; `copied_apart` those of concats that cannot have them so while siblings stay apart.
    """

    order: tuple[Value, ...]
    copied: tuple[tuple[Value, ...], ...]
    copied_apart: tuple[tuple[Value, ...], ...]


def arrange(ends: Sequence[Value], axis: int, in_order: bool) -> Arrangement:
    """The order of ENDS along AXIS that most of them suit a concat in.

    Written in place is either a whole that a concat takes as one run, or that which a concat begins
    or ends with, with the others just outside of it. IN_ORDER: they lie as outputs and reshapes want
    them to; else a concat for these moves its parts in any case.
    """
    concats = list(dict.fromkeys(user for end in ends for user in end.users if isinstance(user, Concat)))
    if not in_order:
        concats = [concat for concat in concats if not _is_wanted_alone(concat)]
    own = set(ends)
    best: tuple[Value, ...] = ()
    leads, chosen = True, None
    for concat in concats:
        for run, front in _runs(concat, own, axis):
            if len(run) > len(best):
                best, leads, chosen = run, front, concat
    placed = set(best)
    others = tuple(end for end in ends if end not in placed)
    order = (*others, *best) if leads else (*best, *others)
    homes = {part: concat for concat in concats for part in concat.parts}
    return Arrangement(
        order,
        tuple(
            _own_parts(concat, own)
            for concat in concats
            if not _lies(concat, best if concat is chosen else order, axis, own)
        ),
        tuple(_own_parts(concat, own) for concat in concats if not _can_lie(concat, homes, own)),
    )


def side_by_side(ends: Sequence[Value], axis: int) -> list[tuple[Value, ...]]:
    """Those of ENDS that are neighbours in the first concat that has others elsewhere; [] for none."""
    own = set(ends)
    for concat in dict.fromkeys(user for end in ends for user in end.users if isinstance(user, Concat)):
        runs = _split(concat.parts, own)
        if len(runs) > 1 and _joins_along(concat, axis) and not _repeats(concat, own):
            return [run for run in runs if len(run) > 1]
    return []


def _own_parts(concat: Concat, own: set[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(part for part in concat.parts if part in own))


def _repeats(concat: Concat, own: set[Value]) -> bool:
    """True when one of OWN is a part of CONCAT twice: the second is a copy in any case."""
    count = sum(part in own for part in concat.parts)
    return count > len(_own_parts(concat, own))


def _can_lie(concat: Concat, homes: Mapping[Value, Concat], own: set[Value]) -> bool:
    """True when all parts can be written into CONCAT: they are in no later one, their home, or stand
    there as they do here."""
    if _repeats(concat, own):
        return False
    home = next((homes[part] for part in concat.parts if homes[part] is not concat), None)
    if home is None:
        return True
    if concat.parts[0] not in home.parts or not _joins_along(home, concat.axis % concat.result.type.rank):
        return False
    begin = home.parts.index(concat.parts[0])
    return home.parts[begin : begin + len(concat.parts)] == concat.parts


def _is_wanted_alone(concat: Concat) -> bool:
    """True when CONCAT is wanted in memory of its own, without anything beside it."""
    return any(isinstance(user, Reshape) or has(user, Trait.TERMINATOR) for user in concat.result.users)


def _runs(concat: Concat, own: set[Value], axis: int) -> Iterator[tuple[tuple[Value, ...], bool]]:
    """Runs of different values of OWN that can lie in CONCAT; true when they must stand last of all."""
    if not _joins_along(concat, axis):
        return
    runs = _split(concat.parts, own)
    yield from ((run, True) for run in runs if len(run) == len(own))
    # The joined value lies in one place only: no other run of its parts can be written there as well.
    if _is_wanted_alone(concat) or len(runs) > 1:
        return
    if concat.parts[0] in own:
        yield runs[0], True
    if concat.parts[-1] in own:
        yield runs[-1], False


def _split(parts: Sequence[Value], own: set[Value]) -> list[tuple[Value, ...]]:
    """The longest stretches of different values of OWN among PARTS, in order."""
    runs: list[dict[Value, None]] = [{}]
    for part in parts:
        if runs[-1] and (part not in own or part in runs[-1]):
            runs.append({})
        if part in own:
            runs[-1][part] = None
    return [tuple(run) for run in runs if run]


def _lies(concat: Concat, run: Sequence[Value], axis: int, own: set[Value]) -> bool:
    """True when all of OWN that CONCAT has are the one RUN that it takes as it is."""
    return _joins_along(concat, axis) and _split(concat.parts, own) == [tuple(run)]


def _joins_along(concat: Concat, axis: int) -> bool:
    return bool(concat.axis % concat.result.type.rank == axis)
