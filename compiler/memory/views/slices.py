"""view-slice: slices read in place. y = slice(x) => the consumers of y read part of x's buffer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.graph.constants import Constant
from ....dialects.precision import PrecisionKernel
from ...fusion.vertical.record import VIEW_SLICE
from ...patterns.strided import part
from .context import Places, ViewContext, kernels_accessing, memory_order
from .pure_movement import SourceSlice, result_slices
from .record import Savings
from .view_plan import ViewPlace, base_of

MOST_PARTS = 32  # the most parts that a group is split into
IN_PLACE = "every consumer reads the slice as a view of the operand"
NARROWER = "narrower accesses would cost more time than the view saves"


@dataclass(frozen=True, eq=False)
class _Slice:
    """A kernel that only slices, and the slice that each of its results is."""

    kernel: PrecisionKernel
    slices: list[SourceSlice]


def view_slices(kernels: Sequence[PrecisionKernel], context: ViewContext) -> None:
    """Decide on every kernel among KERNELS that only slices tensors.

    Slices with a common consumer are decided together, so that the consumer is estimated once for all of
    them. A slice of a slice, and a slice that is sliced again, are decided alone and in order.
    """
    found = [_Slice(kernel, parts) for kernel in kernels if (parts := result_slices(kernel)) is not None]
    slices = _Slices(context)
    for group in _groups(found):
        slices.decide(group, max(1, len(group) // MOST_PARTS))


def _groups(slices: Sequence[_Slice]) -> Iterator[list[_Slice]]:
    """SLICES in groups with common consumers, in the order of their first members."""
    cutting = {slice_.kernel for slice_ in slices}
    made = {value for slice_ in slices for value in slice_.kernel.results}
    leader: dict[_Slice, _Slice] = {slice_: slice_ for slice_ in slices}
    first: dict[PrecisionKernel, _Slice] = {}
    for slice_ in slices:
        readers = {op for value in slice_.kernel.results for op in kernels_accessing(value)} - {slice_.kernel}
        again = any(base_of(cut.source) in made for cut in slice_.slices) or not cutting.isdisjoint(readers)
        if not again:
            for reader in readers:
                _join(leader, first.setdefault(reader, slice_), slice_)
    members: dict[_Slice, list[_Slice]] = {}
    for slice_ in slices:
        members.setdefault(_leader(leader, slice_), []).append(slice_)
    yield from members.values()


def _leader(leader: dict[_Slice, _Slice], of: _Slice) -> _Slice:
    """The representative of the group that OF is in (union-find)."""
    while leader[of] is not of:
        leader[of] = leader[leader[of]]
        of = leader[of]
    return of


def _join(leader: dict[_Slice, _Slice], one: _Slice, other: _Slice) -> None:
    leader[_leader(leader, other)] = _leader(leader, one)


class _Slices:
    """Decides on one group of slices at a time."""

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._plan = context.plan
        self._cost = context.cost
        self._record = context.record

    def decide(self, group: Sequence[_Slice], least: int) -> None:
        """Have all of GROUP read in place, or ever smaller parts of it, down to LEAST slices."""
        switched_off = self._record.switched_off(VIEW_SLICE)
        places: Places = {}
        fit: list[_Slice] = []
        for slice_ in group:
            own: Places = {}
            refusal = switched_off or self._add_views(slice_, own)
            if refusal is not None:
                self._refuse([slice_], refusal, [None])
                continue
            saved = self._cost.of(slice_.kernel) - self._narrowed(slice_, own)
            if saved > 0:
                places |= own
                fit.append(slice_)
            else:
                self._refuse([slice_], NARROWER, [saved])
        if fit:
            self._price(*self._accessible(fit, places, least), least)

    def _narrowed(self, slice_: _Slice, places: Places) -> float:
        """Microseconds that the consumers of SLICE_ lose to narrower accesses alone."""
        results = slice_.kernel.results
        return sum(
            self._cost.surplus(value, places) * (len(kernels_accessing(value)) - 1) for value in results
        )

    def _accessible(
        self, group: Sequence[_Slice], places: Places, least: int
    ) -> tuple[list[_Slice], Places, list[_Slice]]:
        """Those of GROUP that every consumer can read strided, their PLACES, and those to try separately.

        A kernel that cannot access several slices of GROUP may be able to access some of them. A slice
        that a kernel cannot access even when it is the only strided one is refused.
        """
        kernels = {slice_.kernel for slice_ in group}
        withdrawn = self._context.withdraw(places, kernels)
        accessible: list[_Slice] = []
        apart: list[_Slice] = []
        for slice_ in group:
            reasons = [withdrawn[value] for value in slice_.kernel.results if value in withdrawn]
            if not reasons:
                accessible.append(slice_)
                continue
            for value in slice_.kernel.results:
                places.pop(value, None)
            if len(group) > least and not any(reason.alone for reason in reasons):
                apart.append(slice_)
            else:
                self._refuse([slice_], reasons[0].reason, [None])
        return accessible, places, apart

    def _price(self, group: list[_Slice], places: Places, apart: list[_Slice], least: int) -> None:
        """Accept GROUP, whose results are PLACES, if that saves time, or else try halves of it.

        APART is tried in halves in any case.
        """
        kernels = [slice_.kernel for slice_ in group]
        # Each slice is charged an equal share of what other kernels lose.
        lost = self._cost.change(self._context.affected(places, set(kernels)), places) / max(len(group), 1)
        saved = [self._cost.of(kernel) - lost for kernel in kernels]
        if sum(saved) > 0:
            self._context.elide(kernels, places)
            for kernel, own in zip(kernels, saved, strict=True):
                self._record.taken(VIEW_SLICE, kernel, IN_PLACE, Savings(self._cost.bytes_of(kernel), 1, own))
        elif len(group) > least:
            self._halves(group, least)
        else:
            self._refuse(group, NARROWER, saved)
        self._halves(apart, least)

    def _halves(self, group: list[_Slice], least: int) -> None:
        middle = (len(group) + 1) // 2
        for half in (group[:middle], group[middle:]):
            if half:
                self.decide(half, least)

    def _refuse(self, group: Sequence[_Slice], reason: str, saved: Sequence[float | None]) -> None:
        for slice_, own in zip(group, saved, strict=True):
            savings = Savings(self._cost.bytes_of(slice_.kernel), 1, own)
            self._record.refused(VIEW_SLICE, slice_.kernel, reason, savings)

    # ------------------------------------------------------------ one slice

    def _add_views(self, slice_: _Slice, places: Places) -> str | None:
        """Add the views that SLICE_'s results would be to PLACES; returns why they cannot be, or None."""
        refusal = self._context.empty_refusal(slice_.kernel.results)
        for value, cut in zip(slice_.kernel.results, slice_.slices, strict=True):
            refusal = refusal or self._add_view(slice_.kernel, value, cut, places)
        return refusal

    def _add_view(
        self, kernel: PrecisionKernel, value: Value, cut: SourceSlice, places: Places
    ) -> str | None:
        """Add VALUE, a result of KERNEL, to PLACES as a view; returns the reason when it cannot be one."""
        base = base_of(cut.source)
        if isinstance(base.producer, Constant):
            return "it slices a constant"
        if self._context.is_output(value) or value in self._plan.places:
            return "the result is an output of the model or part of a concat"
        if self._context.is_passed(value):
            return "the result is passed to a branch or a loop"
        if min(cut.steps) < 1 or value.type.dtype != cut.source.type.dtype:
            return "it reverses the elements or changes their type"
        source = self._plan.place_of(cut.source)
        type = part(source.type, cut.starts, value.type.shape, cut.steps)
        if memory_order(type) != memory_order(value.type):
            return "the result has another order of dimensions in memory than the operand"
        places[value] = ViewPlace(source.root, type)
        return self._record.barrier(base, kernel) or self._context.reshape_refusal(value, places)
