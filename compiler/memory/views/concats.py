"""elide-concat: operands written in place. y = concat(a, b) => a and b are views of parts of y."""

from __future__ import annotations

from collections.abc import Sequence

from ....dialects.core.ir import Value
from ....dialects.precision import PrecisionKernel
from ...fusion.vertical.record import ELIDE_CONCAT
from ...patterns.strided import part, reshaped, same_memory
from .context import Places, ViewContext, kernels_accessing, memory_order
from .pure_movement import Piece, concat_pieces, other_work
from .record import Savings
from .view_plan import Copy, ViewPlace, base_of

COSTS_MORE = "copies and narrower accesses would cost more time than writing in place saves"


def elide_concats(kernels: Sequence[PrecisionKernel], context: ViewContext) -> None:
    """Decide on every concat among KERNELS, last to first, so that nested ones become parts of the outermost
    buffer."""
    joining = {kernel: pieces for kernel in kernels if (pieces := concat_pieces(kernel)) is not None}
    concats = _Concats(context, set(joining))
    for kernel in reversed(kernels):
        pieces = joining.get(kernel)
        others = other_work(kernel)
        if pieces is not None:
            concats.join(kernel, pieces)
        elif others is not None:
            concats.refuse(kernel, others)


class _Concats:
    """Decides on one concat kernel at a time; UNDECIDED are those that may still claim the same operands."""

    def __init__(self, context: ViewContext, undecided: set[PrecisionKernel]) -> None:
        self._undecided = undecided
        self._context = context
        self._plan = context.plan
        self._cost = context.cost
        self._record = context.record

    def join(self, kernel: PrecisionKernel, pieces: list[Piece]) -> None:
        """Decide on KERNEL, whose result consists of PIECES."""
        self._undecided.discard(kernel)
        refusal = self._record.switched_off(ELIDE_CONCAT) or self._context.empty_refusal(kernel.results)
        if refusal is not None:
            self.refuse(kernel, refusal)
        elif not self._joined_before(kernel, pieces):
            self._write_parts(kernel, pieces)

    def refuse(self, kernel: PrecisionKernel, reason: str) -> None:
        """Record that KERNEL runs, for REASON, and what eliding it would have saved."""
        self._record.refused(ELIDE_CONCAT, kernel, reason, Savings(self._cost.bytes_of(kernel), 1))

    def _joined_before(self, kernel: PrecisionKernel, pieces: list[Piece]) -> bool:
        """Make the result a view of a longer concat that has all PIECES side by side; True if it is one."""
        result = kernel.results[0]
        place = self._common_place(result, pieces)
        if place is None or result in self._plan.places or self._context.is_output(result):
            return False
        if self._context.is_passed(result):
            return False
        places = {result: place}
        affected = self._context.affected(places, [kernel])
        if self._context.reshape_refusal(result, places) or self._cost.access_refusal(affected, places):
            return False
        saved = self._cost.of(kernel) - self._cost.change(affected, places)
        if saved <= 0:
            return False
        self._context.elide([kernel], places)
        reason = "all parts lie side by side in the buffer of a longer concat"
        self._record.taken(ELIDE_CONCAT, kernel, reason, Savings(self._cost.bytes_of(kernel), 1, saved))
        return True

    def _common_place(self, result: Value, pieces: list[Piece]) -> ViewPlace | None:
        found = [self._place(piece) for piece in pieces]
        first = found[0]
        whole = part(first.type, (0,) * result.type.rank, result.type.shape)
        if memory_order(whole) != memory_order(result.type):
            return None
        for piece, place in zip(pieces, found, strict=True):
            wanted = part(whole, piece.starts, piece.shape)
            same = wanted.layout.offset == place.type.layout.offset and same_memory(wanted, place.type)
            if place.root is not first.root or not same:
                return None
        return ViewPlace(first.root, whole)

    def _place(self, piece: Piece) -> ViewPlace:
        place = self._plan.place_of(piece.source)
        if piece.cut is None:
            return place
        return ViewPlace(place.root, part(place.type, piece.cut.starts, piece.shape, piece.cut.steps))

    def _write_parts(self, kernel: PrecisionKernel, pieces: list[Piece]) -> None:
        """Have as many of PIECES as possible written in place, and copy the rest."""
        whole = self._plan.place_of(kernel.results[0])
        places: Places = {}
        blocked: dict[int, str] = {}
        for index, piece in enumerate(pieces):
            reason = self._put(kernel, piece, whole, places)
            if reason is not None:
                blocked[index] = reason
        withdrawn = self._context.withdraw(places, [kernel])
        by_base: dict[Value, list[int]] = {}
        for index, piece in enumerate(pieces):
            by_base.setdefault(base_of(piece.source), []).append(index)
        for base, refused in withdrawn.items():
            for index in by_base[base]:
                blocked.setdefault(index, refused.reason)
        # A switch is reported before any other reason that an operand is not written in place.
        reasons = sorted(blocked.values(), key=lambda reason: not self._record.is_switch(reason))
        self._decide(kernel, [pieces[index] for index in blocked], reasons, whole, places)

    def _put(self, kernel: PrecisionKernel, piece: Piece, whole: ViewPlace, places: Places) -> str | None:
        """Add PIECE's part of WHOLE to PLACES; returns the reason when it cannot be written in place."""
        base = base_of(piece.source)
        refusal = self._record.barrier(base, kernel)
        refusal = refusal or (None if piece.cut else self._occupied(base, places))
        if refusal is not None:
            return refusal
        if piece.cut is not None:
            return "an operand is a slice of a tensor that is written whole"
        wanted = part(whole.type, piece.starts, piece.shape)
        type = wanted if piece.source is base else reshaped(wanted, base.type.shape)
        if type is None or type.dtype != base.type.dtype or memory_order(type) != memory_order(base.type):
            return f"{base.type} has another order of dimensions in memory than its part of the result"
        refusal = self._context.reshape_refusal(base, {base: ViewPlace(whole.root, type)})
        if refusal is None:
            places[base] = ViewPlace(whole.root, type)
        return refusal

    def _occupied(self, base: Value, places: Places) -> str | None:
        """Why BASE cannot become part of another buffer; None when it can."""
        if not isinstance(base.producer, PrecisionKernel):
            return "an operand is not the result of a kernel"
        if base in places or base in self._plan.places:
            return "an operand lies in another concat, or occurs in this one twice"
        if self._context.is_output(base):
            return "an operand is an output of the model"
        if self._context.is_passed(base):
            return "an operand is passed to a branch or a loop"
        return None

    def _decide(
        self,
        kernel: PrecisionKernel,
        copied: list[Piece],
        reasons: list[str],
        whole: ViewPlace,
        places: Places,
    ) -> None:
        if not places:
            self.refuse(kernel, reasons[0])
            return
        copies = [
            Copy(piece.source, ViewPlace(whole.root, part(whole.type, piece.starts, piece.shape)), piece.cut)
            for piece in copied
        ]
        affected = self._context.affected(places, [kernel])
        saved = self._cost.of(kernel) - self._cost.change(affected, places)
        saved -= sum(self._cost.copy(copy, places) for copy in copies)
        bytes_saved = self._cost.bytes_of(kernel) - sum(self._cost.copied_bytes(copy) for copy in copies)
        savings = Savings(bytes_saved, 1 - len(copies), saved)
        refusal = self._unprofitable(1 - len(copies), saved, places)
        if refusal is not None:
            cause = reasons[0] if reasons else ""
            copying = f"; {_operands(len(copies))} would be copied: {cause}" if cause else ""
            self._record.refused(ELIDE_CONCAT, kernel, refusal + copying, savings, cause)
            return
        self._context.elide([kernel], places)
        self._plan.copies[kernel] = copies
        reason = "each operand is written into its part of the result"
        if reasons:
            written = f"{_operands(len(places))} {'is' if len(places) == 1 else 'are'} written in place"
            reason = f"{written}, {len(copies)} copied: {reasons[0]}"
        self._record.taken(ELIDE_CONCAT, kernel, reason, savings)

    def _unprofitable(self, launches: int, saved: float, places: Places) -> str | None:
        """Why writing the operands PLACES in place saves too little; None when it saves enough.

        LAUNCHES and SAVED are the launches and microseconds that it saves. A saved launch is always worth
        it. Without one, SAVED must exceed the error of the cost model, and also the time of a launch if
        another concat, which might save one, claims the same operands.
        """
        if saved <= 0:
            return COSTS_MORE
        if launches > 0:
            return None
        least, launch = self._cost.fitted.schedule.view_saving, self._cost.fitted.loop.launch
        if saved < least:
            return f"it saves no launch, and less than {least} microseconds"
        contested = any(op in self._undecided for base in places for op in kernels_accessing(base))
        if contested and saved < launch:
            return "it saves no launch, and another concat wants the same operands"
        return None


def _operands(count: int) -> str:
    return "1 operand" if count == 1 else f"{count} operands"
