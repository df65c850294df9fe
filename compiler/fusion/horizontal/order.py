"""Chooses the channel order of joined siblings, so that concats of their results need few copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.movement.concat import Concat
from ....dialects.graph.movement.reshape import Reshape


@dataclass(frozen=True)
class Arrangement:
    """An order of the siblings' channels, and the copies that concats need with it.

    copied: the parts of each concat that cannot be written in place once the siblings are joined;
    copied_apart: the parts of each concat that cannot be written in place while they stay apart.
    """

    order: tuple[Value, ...]
    copied: tuple[tuple[Value, ...], ...]
    copied_apart: tuple[tuple[Value, ...], ...]


def arrange(ends: Sequence[Value], axis: int, in_order: bool) -> Arrangement:
    """The order of ENDS along AXIS that lets a concat take as many of them in place as possible.

    A concat takes them in place if it reads all of them as one run, or if it starts or ends with a run of
    them, so that the others lie just outside of it. IN_ORDER: the results are row-major, as outputs and
    reshapes need them; otherwise a concat for one of these copies its parts in any case.
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
    """The runs of ENDS that are adjacent in the first concat that has several runs; [] without one."""
    own = set(ends)
    for concat in dict.fromkeys(user for end in ends for user in end.users if isinstance(user, Concat)):
        runs = _split(concat.parts, own)
        if len(runs) > 1 and _joins_along(concat, axis) and not _repeats(concat, own):
            return [run for run in runs if len(run) > 1]
    return []


def _own_parts(concat: Concat, own: set[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(part for part in concat.parts if part in own))


def _repeats(concat: Concat, own: set[Value]) -> bool:
    """True when one of OWN occurs in CONCAT twice: the second occurrence is a copy in any case."""
    count = sum(part in own for part in concat.parts)
    return count > len(_own_parts(concat, own))


def _can_lie(concat: Concat, homes: Mapping[Value, Concat], own: set[Value]) -> bool:
    """True when all parts can be written into CONCAT in place while siblings stay apart.

    The home of a part is the last concat that reads it. The parts must have this concat as their home, or
    be adjacent in another home in the same order.
    """
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
    """True when CONCAT must be dense, in memory of its own: for a reshape or an output."""
    return any(isinstance(user, Reshape) or has(user, Trait.TERMINATOR) for user in concat.result.users)


def _runs(concat: Concat, own: set[Value], axis: int) -> Iterator[tuple[tuple[Value, ...], bool]]:
    """The runs of values of OWN that CONCAT could take in place, each with True if it must come last in the
    order."""
    if not _joins_along(concat, axis):
        return
    runs = _split(concat.parts, own)
    yield from ((run, True) for run in runs if len(run) == len(own))
    # The joined value is written to one place: with several runs, the others would have to be copied.
    if _is_wanted_alone(concat) or len(runs) > 1:
        return
    if concat.parts[0] in own:
        yield runs[0], True
    if concat.parts[-1] in own:
        yield runs[-1], False


def _split(parts: Sequence[Value], own: set[Value]) -> list[tuple[Value, ...]]:
    """The maximal runs of distinct values of OWN among PARTS, in order."""
    runs: list[dict[Value, None]] = [{}]
    for part in parts:
        if runs[-1] and (part not in own or part in runs[-1]):
            runs.append({})
        if part in own:
            runs[-1][part] = None
    return [tuple(run) for run in runs if run]


def _lies(concat: Concat, run: Sequence[Value], axis: int, own: set[Value]) -> bool:
    """True when the values of OWN in CONCAT are exactly RUN, in order, so that it takes them in place."""
    return _joins_along(concat, axis) and _split(concat.parts, own) == [tuple(run)]


def _joins_along(concat: Concat, axis: int) -> bool:
    return bool(concat.axis % concat.result.type.rank == axis)
