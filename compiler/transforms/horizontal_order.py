"""In which order the channels of joined siblings lie, for the concats that some of them are parts of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...dialects.core.ir import Value
from ...dialects.core.traits import Trait, has
from ...dialects.graph.movement import Concat, Reshape


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
    others = tuple(end for end in ends if end not in set(best))
    order = (*others, *best) if leads else (*best, *others)
    homes = {part: concat for concat in concats for part in concat.parts}
    return Arrangement(
        order,
        tuple(
            _own_parts(concat, own)
            for concat in concats
            if concat is not chosen and not _takes_all(concat, order, axis)
        ),
        tuple(_own_parts(concat, own) for concat in concats if not _can_lie(concat, homes)),
    )


def _own_parts(concat: Concat, own: set[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(part for part in concat.parts if part in own))


def _can_lie(concat: Concat, homes: Mapping[Value, Concat]) -> bool:
    """True when all parts can be written into CONCAT: they are in no later one, their home, or stand
    there as they do here."""
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
    if _is_wanted_alone(concat):
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


def _takes_all(concat: Concat, order: Sequence[Value], axis: int) -> bool:
    """True when CONCAT takes all of ORDER as one run: it reads the joined value itself."""
    return _joins_along(concat, axis) and tuple(order) in _split(concat.parts, set(order))


def _joins_along(concat: Concat, axis: int) -> bool:
    return bool(concat.axis % concat.result.type.rank == axis)
