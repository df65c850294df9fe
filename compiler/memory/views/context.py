"""The shared state of view decisions: the plan so far, its cost model, and the kernels that access a
tensor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ....dialects.control import ControlOp
from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.types import TensorType
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.precision import PrecisionKernel
from ...kernels.choice import KernelChooser
from .cost import ViewCost
from .record import ViewRecord
from .view_plan import ViewPlace, ViewPlan, with_reshapes

Places = dict[Value, ViewPlace]


@dataclass(frozen=True)
class Withdrawn:
    """Why a tensor cannot be strided; `alone` if it was the only strided tensor of the refusing kernel."""

    reason: str
    alone: bool


class ViewContext:
    """The view plan as it grows, its cost model, and the record of decisions."""

    def __init__(
        self, module: Module, function: Function, chooser: KernelChooser, record: ViewRecord
    ) -> None:
        self.plan = ViewPlan()
        self.cost = ViewCost(module, chooser, self.plan)
        self.record = record
        self._returned = set(function.returned)
        controls = (op for op in function.block if isinstance(op, ControlOp))
        self._passed = {value for op in controls for value in op.inputs}

    def empty_refusal(self, values: Iterable[Value]) -> str | None:
        """Why VALUES cannot be parts of a buffer: one of them is empty. None when they can."""
        for value in values:
            if 0 in value.type.shape:
                return f"{value.type} is empty"
        return None

    def reshape_refusal(self, base: Value, places: Mapping[Value, ViewPlace]) -> str | None:
        """Why some reshape of BASE would not be a view with BASE as in PLACES; None when all are views."""
        if any(self.plan.find(value, places) is None for value in with_reshapes(base)):
            return f"a reshape of {base.type} cannot be a view of a strided part"
        return None

    def is_output(self, base: Value) -> bool:
        """True when the function returns BASE or a reshape of it."""
        return any(value in self._returned for value in with_reshapes(base))

    def is_passed(self, base: Value) -> bool:
        """True when BASE or a reshape of it is passed to a branch or a loop, whose launches know it dense."""
        return any(value in self._passed for value in with_reshapes(base))

    def affected(self, places: Iterable[Value], but: Collection[Operation]) -> list[PrecisionKernel]:
        """The kernels that access any of PLACES, except those in BUT, which would be elided."""
        found = {op: None for base in places for op in kernels_accessing(base)}
        return [op for op in found if op not in but and op not in self.plan.elided]

    def withdraw(self, places: Places, but: Collection[Operation]) -> dict[Value, Withdrawn]:
        """Remove the tensors from PLACES that some kernel, of those not in BUT, cannot access strided.

        Returns the reason for each. Every kernel is checked once, and again when fewer of its tensors
        would be strided.
        """
        meeting: dict[PrecisionKernel, list[Value]] = {}
        for base in places:
            for op in dict.fromkeys(kernels_accessing(base)):
                meeting.setdefault(op, []).append(base)
        found: dict[Value, Withdrawn] = {}
        asked = self.affected(places, but)
        while asked:
            again: dict[PrecisionKernel, None] = {}
            for op in asked:
                met = [base for base in meeting[op] if base in places]
                refusal = self.cost.access_refusal([op], places) if met else None
                if refusal is not None:
                    for base in met:
                        del places[base]
                        found[base] = Withdrawn(refusal.reason, len(met) == 1)
                        again.update(dict.fromkeys(kernels_accessing(base)))
            asked = [op for op in again if op not in but and op not in self.plan.elided]
        return found

    def elide(self, kernels: Collection[PrecisionKernel], places: Mapping[Value, ViewPlace]) -> None:
        """Elide KERNELS: their tensors now lie as in PLACES."""
        self.plan.places.update(places)
        self.plan.elided.update(kernels)
        self.cost.forget(self.affected(places, kernels))


def kernels_accessing(base: Value) -> list[PrecisionKernel]:
    """The kernels that write or read BASE or a reshape of it."""
    made = [base.producer] if base.producer is not None else []
    users = [user for value in with_reshapes(base) for user in value.users if not isinstance(user, Reshape)]
    return [op for op in made + users if isinstance(op, PrecisionKernel)]


def memory_order(type: TensorType) -> list[int]:
    """The dimensions longer than 1, from the outermost in memory to the innermost."""
    return [axis for axis in type.order if type.shape[axis] != 1]
