"""What is shown of the difference between two plans: a few lines and tables, each with the largest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..report.presented import Block, Table
from ..report.words import quantity, short
from .numbers import Numbers, TensorDifference
from .structure import Spot
from .times import PlanTimes

if TYPE_CHECKING:
    from .diff import PlanDiff

SHOWN_NODES = 4


def blocks_of(found: PlanDiff) -> Iterator[Block]:
    """The blocks for FOUND; kinds of differences that there are none of have none."""
    yield f"A: {found.names[0]}\nB: {found.names[1]}"
    yield _verdict(found)
    for name, only in zip("AB", found.nodes, strict=True):
        if only:
            yield f"only {name} has {len(only)} nodes: {_nodes(only)}"
    if found.weights:
        nodes = [" + ".join(each) for each in found.weights]
        yield f"other weights of {len(nodes)} node{'s' * (len(nodes) > 1)}: {_nodes(nodes)}"
    figures = [
        (name, _figure(name, one), _figure(name, other), _ratio(one, other))
        for name, one, other in found.figures
    ]
    yield Table("figures", ("", ">A", ">B", ">B / A"), (), figures)
    if found.interface:
        rows = [(each.what, each.trait, each.a, each.b) for each in found.interface]
        yield Table("inputs, outputs and sizes", ("", "", "A", "B"), rows)
    if found.fusions:
        yield _fusions(found)
    tactics = [(_cut(c.what), c.trait, c.a, c.b) for c in found.changes if c.kind == "kernel"]
    if tactics:
        yield Table("other kernels for the same nodes", ("nodes", "", "A", "B"), tactics)
    formats = Counter((c.trait, c.a, c.b) for c in found.changes if c.kind == "format")
    if formats:
        counts = [(*change, count) for change, count in formats.most_common()]
        yield Table("other formats for the same nodes", ("", "A", "B", ">kernels"), counts)
    if found.times is not None:
        yield from _times(found.times, found.spots)
    if found.numbers is not None:
        yield from _numbers(found.numbers)
    if found.rules:
        yield Table("rules", ("rule", "A", "B"), [(each.what, each.a, each.b) for each in found.rules])


def _verdict(found: PlanDiff) -> str:
    if found.same:
        return "the plans run the same kernels on the same nodes"
    alike = sum(spot.alike for spot in found.spots)
    where = f"{len(found.fusions)} places are fused otherwise"
    counts = f"{len(found.changes)} traits of kernels and formats differ"
    return f"{alike} launches have the same nodes in both, {where}, {counts}"


def _figure(name: str, value: int) -> str:
    return quantity(value, "B") if "bytes" in name else str(value)


def _ratio(one: float, other: float) -> str:
    return f"{other / one:.3g}" if one else "-"


def _nodes(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NODES
    return ", ".join(names[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")


def _cut(text: str) -> str:
    """A list of names in one text, shortened."""
    return _nodes(text.split(", "))


def _fusions(found: PlanDiff) -> Table:
    rows = [
        (" | ".join(map(_nodes, each.a)), " | ".join(map(_nodes, each.b)), "\n".join(each.reasons))
        for each in sorted(found.fusions, key=lambda each: -sum(map(len, (*each.a, *each.b))))
    ]
    return Table("fused otherwise ('|' between kernels)", ("A", "B", "why"), rows)


def _times(times: PlanTimes, spots: Sequence[Spot]) -> Iterator[Block]:
    one, other = times.runs
    yield f"a run takes {one:.4g} ms by A, {other:.4g} ms by B: B / A is {_ratio(one, other)}"
    rows = []
    for spot in sorted(spots, key=lambda spot: -abs(times.spent(0, spot.a) - times.spent(1, spot.b))):
        have = times.spent(0, spot.a), times.spent(1, spot.b)
        counts = f"{len(spot.a)}", f"{len(spot.b)}"
        rows.append(
            (_nodes(spot.nodes), *counts, f"{have[0]:.2f}", f"{have[1]:.2f}", f"{have[1] - have[0]:+.2f}")
        )
    columns = ("nodes", ">launches A", ">B", ">us A", ">us B", ">B - A")
    yield Table("time of launches, each timed alone", columns, rows)


def _numbers(found: Numbers) -> Iterator[Block]:
    columns = ("tensor", "A", "B", ">relative L2", ">largest difference")
    yield Table("outputs of B against those of A", columns, list(map(_row, found.outputs)))
    if found.tensors:
        first = next((each for each in found.tensors if each.error.relative_l2 > 0), None)
        text = "all are equal" if first is None else f"the first that differs is {_cut(first.name)}"
        yield f"{len(found.tensors)} tensors between launches are in both plans; {text}"
        worst = sorted(found.tensors, key=lambda each: -each.error.relative_l2)
        yield Table("tensors, the most different first", columns, list(map(_row, worst)))
    if found.left_out:
        yield f"{found.left_out} tensors were not compared, as all together are too large"


def _row(each: TensorDifference) -> tuple[str, ...]:
    return _cut(each.name), *each.types, short(each.error.relative_l2), short(each.error.max_abs)
