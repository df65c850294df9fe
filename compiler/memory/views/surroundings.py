"""What decisions on concats and slices ask about a function, and what has been decided so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ....dialects.core.ir import Function, Module, Operation, Value
from ....dialects.core.types import TensorType
from ....dialects.graph.movement import Reshape
from ....dialects.precision import PrecisionKernel
from ...kernels.choice import KernelChooser
from .cost import ViewCost
from .plan import ViewPlace, ViewPlan, shown
from .record import ViewRecord

Places = dict[Value, ViewPlace]


@dataclass(frozen=True)
class Withdrawn:
    """Why a tensor cannot be strided; `alone` when it was the only such one that the kernel met."""

    reason: str
    alone: bool


class Surroundings:
    """The plan as it grows, what it costs, and where decisions are recorded."""

    def __init__(
        self, module: Module, function: Function, chooser: KernelChooser, record: ViewRecord
    ) -> None:
        self.plan = ViewPlan()
        self.cost = ViewCost(module, chooser, self.plan)
        self.record = record
        self._returned = set(function.returned)

    def unfit(self, values: Iterable[Value]) -> str | None:
        """Why no part of a buffer can hold VALUES."""
        for value in values:
            if 0 in value.type.shape:
                return f"{value.type} is empty"
        return None

    def unshown(self, base: Value, places: Mapping[Value, ViewPlace]) -> str | None:
        """Why a reshape of BASE has no view when BASE lies as in PLACES."""
        if any(self.plan.find(value, places) is None for value in shown(base)):
            return f"a reshape of {base.type} is no view of a strided part"
        return None

    def is_output(self, base: Value) -> bool:
        """True when the model returns BASE under any shape."""
        return any(value in self._returned for value in shown(base))

    def affected(self, places: Iterable[Value], but: Collection[Operation]) -> list[PrecisionKernel]:
        """The kernels that would meet the tensors PLACES strided, except those of BUT, which go."""
        found = {op: None for base in places for op in around(base)}
        return [op for op in found if op not in but and op not in self.plan.vanished]

    def withdraw(self, places: Places, but: Collection[Operation]) -> dict[Value, Withdrawn]:
        """Take those tensors out of PLACES that some kernel, of those not in BUT, would not run as well on.

        Every kernel is asked once, and once more when fewer of its tensors would be strided.
        """
        meeting: dict[PrecisionKernel, list[Value]] = {}
        for base in places:
            for op in dict.fromkeys(around(base)):
                meeting.setdefault(op, []).append(base)
        found: dict[Value, Withdrawn] = {}
        asked = self.affected(places, but)
        while asked:
            again: dict[PrecisionKernel, None] = {}
            for op in asked:
                met = [base for base in meeting[op] if base in places]
                unwilling = self.cost.unwilling([op], places) if met else None
                if unwilling is not None:
                    for base in met:
                        del places[base]
                        found[base] = Withdrawn(unwilling.reason, len(met) == 1)
                        again.update(dict.fromkeys(around(base)))
            asked = [op for op in again if op not in but and op not in self.plan.vanished]
        return found

    def take(self, kernels: Collection[PrecisionKernel], places: Mapping[Value, ViewPlace]) -> None:
        """KERNELS need not run: their tensors lie as in PLACES."""
        self.plan.places.update(places)
        self.plan.vanished.update(kernels)
        self.cost.forget(self.affected(places, kernels))


def around(base: Value) -> list[PrecisionKernel]:
    """The kernels that make or read BASE under any shape."""
    made = [base.producer] if base.producer is not None else []
    users = [user for value in shown(base) for user in value.users if not isinstance(user, Reshape)]
    return [op for op in made + users if isinstance(op, PrecisionKernel)]


def long_order(type: TensorType) -> list[int]:
    """The dimensions longer than 1 from the outermost in memory to the innermost."""
    return [axis for axis in type.order if type.shape[axis] != 1]
