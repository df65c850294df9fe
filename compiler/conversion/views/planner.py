"""Concat elision and views: which kernels that only move elements need not run.

    y = concat(a, b)  =>  the kernels that make a and b write their parts of y's buffer
    y = slice(x)      =>  the kernels that read y read part of x's buffer

It is legal when each tensor concerned is made by a kernel, is no output of its own, and every
kernel that then meets a strided tensor is still run by the same family; it is done when that
saves time by the cost model, which knows launches, bytes and the width of accesses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ....dialects.core.affine import bounds
from ....dialects.core.ir import Function, Module, Operation, Value
from ....dialects.core.types import TensorType
from ....dialects.graph.constants import Constant
from ....dialects.graph.movement import Reshape
from ....dialects.precision import Kernel
from ...passes import PassContext
from ..kernel_choice import KernelChooser
from .cost import ViewCost
from .plan import Copy, Place, ViewPlan, base_of, shown
from .pure_movement import Cut, Piece, cuts, joined
from .record import ELIDE_CONCAT, VIEW_SLICE, ViewRecord
from .strided import part, reshaped, same_memory

Places = dict[Value, Place]


def plan_views(
    module: Module, function: Function, chooser: KernelChooser, context: PassContext | None
) -> ViewPlan:
    """The plan for FUNCTION; what was considered goes to the ledger of CONTEXT."""
    return _Planner(module, function, chooser, ViewRecord(context)).run()


class _Planner:
    """Concats are taken from the last to the first, so that nested ones land in the outermost buffer."""

    def __init__(
        self, module: Module, function: Function, chooser: KernelChooser, record: ViewRecord
    ) -> None:
        self._plan = ViewPlan()
        self._ranges = module.ranges
        self._kernels = [op for op in function.block if isinstance(op, Kernel)]
        self._returned = set(function.returned)
        self._cost = ViewCost(module, chooser, self._plan)
        self._record = record

    def run(self) -> ViewPlan:
        for kernel in reversed(self._kernels):
            pieces = joined(kernel)
            if pieces is not None:
                self._join(kernel, pieces)
        for kernel in self._kernels:
            found = cuts(kernel)
            if found is not None:
                self._cut(kernel, found)
        return self._plan

    # ------------------------------------------------------------ concats

    def _join(self, kernel: Kernel, pieces: list[Piece]) -> None:
        refusal = self._record.switched_off(ELIDE_CONCAT) or self._unfit(kernel.results)
        if refusal is not None:
            self._record.refused(ELIDE_CONCAT, kernel, refusal)
        elif not self._joined_before(kernel, pieces):
            self._write_parts(kernel, pieces)

    def _unfit(self, values: Iterable[Value]) -> str | None:
        """Why no part of a buffer can hold VALUES."""
        for value in values:
            if any((bounds(size, self._ranges)[0] or 0) < 1 for size in value.type.shape):
                return f"{value.type} may be empty"
        return None

    def _joined_before(self, kernel: Kernel, pieces: list[Piece]) -> bool:
        """When a longer concat has put all PIECES side by side already, this one is a part of it."""
        result = kernel.results[0]
        place = self._common_place(result, pieces)
        if place is None or result in self._plan.places or self._is_output(result):
            return False
        places = {result: place}
        if self._unshown(result, places) or self._cost.unwilling(self._affected(places, kernel), places):
            return False
        saved = self._cost.of(kernel) - self._cost.change(self._affected(places, kernel), places)
        if saved <= 0:
            return False
        self._take(kernel, places)
        reason = "all parts lie side by side in the buffer of a longer concat"
        self._record.taken(ELIDE_CONCAT, kernel, reason, self._cost.bytes_of(kernel), 1, saved)
        return True

    def _common_place(self, result: Value, pieces: list[Piece]) -> Place | None:
        found = [self._plan.place_of(piece.source) for piece in pieces]
        first = found[0]
        whole = part(first.type, (0,) * result.type.rank, result.type.shape)
        if _order(whole) != _order(result.type):
            return None
        for piece, place in zip(pieces, found, strict=True):
            wanted = part(whole, piece.starts, piece.source.type.shape)
            same = wanted.layout.offset == place.type.layout.offset and same_memory(wanted, place.type)
            if place.root is not first.root or not same:
                return None
        return Place(first.root, whole)

    def _write_parts(self, kernel: Kernel, pieces: list[Piece]) -> None:
        """Have as many PIECES as possible written in place, copy the rest."""
        whole = self._plan.place_of(kernel.results[0])
        places: Places = {}
        blocked: dict[int, str] = {}
        for index, piece in enumerate(pieces):
            reason = self._put(kernel, piece, whole, places)
            if reason is not None:
                blocked[index] = reason
        while places:
            unwilling = self._cost.unwilling(self._affected(places, kernel), places)
            if unwilling is None:
                break
            touched = [base for base in places if unwilling.op in _around(base)]
            for index, piece in enumerate(pieces):
                if base_of(piece.source) in touched:
                    blocked.setdefault(index, unwilling.reason)
            for base in touched:
                del places[base]
        self._decide(kernel, [pieces[index] for index in blocked], list(blocked.values()), whole, places)

    def _put(self, kernel: Kernel, piece: Piece, whole: Place, places: Places) -> str | None:
        """Add to PLACES the part of WHOLE that PIECE is; the reason when it cannot be written there."""
        base = base_of(piece.source)
        refusal = self._record.barrier(base, kernel) or self._occupied(base, places)
        if refusal is not None:
            return refusal
        wanted = part(whole.type, piece.starts, piece.source.type.shape)
        type = wanted if piece.source is base else reshaped(wanted, base.type.shape)
        if type is None or type.dtype != base.type.dtype or _order(type) != _order(base.type):
            return f"{base.type} lies in another order than its part of the result"
        unshown = self._unshown(base, {base: Place(whole.root, type)})
        if unshown is None:
            places[base] = Place(whole.root, type)
        return unshown

    def _occupied(self, base: Value, places: Places) -> str | None:
        """Why BASE cannot be moved to another buffer."""
        if not isinstance(base.producer, Kernel):
            return "an operand is no kernel's result"
        if base in places or base in self._plan.places:
            return "an operand lies in another concat or stands in this one twice"
        if self._is_output(base):
            return "an operand is an output of the model"
        return None

    def _unshown(self, base: Value, places: Places) -> str | None:
        """Why a reshape of BASE has no view when BASE lies as in PLACES."""
        if any(self._plan.find(value, places) is None for value in shown(base)):
            return f"a reshape of {base.type} is no view of a strided part"
        return None

    def _decide(
        self, kernel: Kernel, copied: list[Piece], reasons: list[str], whole: Place, places: Places
    ) -> None:
        if not places:
            self._record.refused(ELIDE_CONCAT, kernel, reasons[0])
            return
        copies = [
            Copy(piece.source, Place(whole.root, part(whole.type, piece.starts, piece.source.type.shape)))
            for piece in copied
        ]
        saved = self._cost.of(kernel) - self._cost.change(self._affected(places, kernel), places)
        saved -= sum(self._cost.copy(copy, places) for copy in copies)
        bytes_saved = self._cost.bytes_of(kernel) - sum(self._cost.copied_bytes(copy) for copy in copies)
        if saved <= 0:
            reason = "copies and narrower accesses would cost more than it saves"
            self._record.refused(ELIDE_CONCAT, kernel, reasons[0] if reasons else reason, saved)
            return
        self._take(kernel, places)
        self._plan.copies[kernel] = copies
        reason = "each operand is written into its part of the result"
        if reasons:
            reason = f"{len(places)} operands are written into their part, {len(copies)} copied: {reasons[0]}"
        self._record.taken(ELIDE_CONCAT, kernel, reason, bytes_saved, 1 - len(copies), saved)

    def _take(self, kernel: Kernel, places: Places) -> None:
        self._plan.places.update(places)
        self._plan.vanished.add(kernel)
        self._cost.forget(self._affected(places, kernel))

    # ------------------------------------------------------------ slices

    def _cut(self, kernel: Kernel, found: list[Cut]) -> None:
        places: Places = {}
        refusal = self._record.switched_off(VIEW_SLICE) or self._unfit(kernel.results)
        for value, cut in zip(kernel.results, found, strict=True):
            refusal = refusal or self._show(kernel, value, cut, places)
        if refusal is None:
            unwilling = self._cost.unwilling(self._affected(places, kernel), places)
            refusal = unwilling.reason if unwilling else None
        saved = 0.0
        if refusal is None:
            saved = self._cost.of(kernel) - self._cost.change(self._affected(places, kernel), places)
            refusal = "narrower accesses would cost more than it saves" if saved <= 0 else None
        if refusal is not None:
            self._record.refused(VIEW_SLICE, kernel, refusal, saved)
            return
        self._take(kernel, places)
        reason = "every consumer reads its part of the operand"
        self._record.taken(VIEW_SLICE, kernel, reason, self._cost.bytes_of(kernel), 1, saved)

    def _show(self, kernel: Kernel, value: Value, cut: Cut, places: Places) -> str | None:
        """Add to PLACES the part that VALUE, a result of KERNEL, is; the reason when it cannot be one."""
        base = base_of(cut.source)
        if isinstance(base.producer, Constant):
            return "it cuts a constant"
        if self._is_output(value) or value in self._plan.places:
            return "the result is an output of the model or part of a concat"
        if min(cut.steps) < 1 or value.type.dtype != cut.source.type.dtype:
            return "it turns the elements around or changes their type"
        source = self._plan.place_of(cut.source)
        type = part(source.type, cut.starts, value.type.shape, cut.steps)
        if _order(type) != _order(value.type):
            return "the result lies in another order than the operand"
        places[value] = Place(source.root, type)
        return self._record.barrier(base, kernel) or self._unshown(value, places)

    # ------------------------------------------------------------ around a value

    def _is_output(self, base: Value) -> bool:
        return any(value in self._returned for value in shown(base))

    def _affected(self, places: Mapping[Value, Place], but: Kernel) -> list[Kernel]:
        """The kernels that would meet the tensors of PLACES strided, except BUT, which goes."""
        found = {op: None for base in places for op in _around(base) if isinstance(op, Kernel)}
        return [op for op in found if op is not but and op not in self._plan.vanished]


def _around(base: Value) -> list[Operation]:
    """The kernels that make or read BASE under any shape."""
    made = [base.producer] if base.producer is not None else []
    return made + [user for value in shown(base) for user in value.users if not isinstance(user, Reshape)]


def _order(type: TensorType) -> list[int]:
    """The dimensions longer than 1 from the outermost in memory to the innermost."""
    return [axis for axis in type.order if type.shape[axis] != 1]
