"""Cost model of views: what strided tensors cost the kernels that access them, and who cannot access them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ....codegen.interface import Candidate
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.core.types import TensorType
from ....dialects.graph.constants import Constant
from ....dialects.precision import PrecisionKernel
from ....errors import UnsupportedError
from ...kernels.choice import KernelChooser
from ...patterns.strided import settled, traffic
from .view_plan import Copy, ViewPlace, ViewPlan, base_of

Places = Mapping[Value, ViewPlace]


@dataclass(frozen=True)
class AccessRefusal:
    """A kernel whose family cannot access the strided tensors, and the reason."""

    op: PrecisionKernel
    reason: str


class ViewCost:
    """Expected times of kernels by the kernel families' cost models; PLAN holds the views decided so far."""

    def __init__(self, module: Module, chooser: KernelChooser, plan: ViewPlan) -> None:
        self._chooser = chooser
        self._plan = plan
        self._sizes = module.values_at("optimum")
        self._target = chooser.target
        self.fitted = chooser.target.fitted
        self._speed = chooser.target.bytes_per_second / 1e6  # bytes a microsecond
        self._now: dict[PrecisionKernel, float] = {}
        self._known: dict[tuple[PrecisionKernel, tuple[TensorType, ...]], Candidate] = {}

    def access_refusal(self, kernels: Iterable[PrecisionKernel], places: Places) -> AccessRefusal | None:
        """The first of KERNELS that would need another family with the views PLACES; None without one."""
        for kernel in kernels:
            want = self._forecast(kernel, *_plain_types(kernel)).family
            nodes = ", ".join(kernel.location.nodes[:3]) or "a conversion"
            try:
                have = self._forecast(kernel, *self._types(kernel, places)).family
            except UnsupportedError:
                return AccessRefusal(kernel, f"no kernel family runs {nodes} on strided tensors")
            if have != want:
                return AccessRefusal(
                    kernel, f"the {want} kernel of {nodes} cannot access a strided tensor there"
                )
        return None

    def change(self, kernels: Iterable[PrecisionKernel], places: Places) -> float:
        """Microseconds that KERNELS take longer with the views PLACES."""
        return sum(self._time(kernel, places) - self.of(kernel) for kernel in kernels)

    def of(self, kernel: PrecisionKernel) -> float:
        """Microseconds of KERNEL with the views decided so far."""
        if kernel not in self._now:
            self._now[kernel] = self._time(kernel, {})
        return self._now[kernel]

    def forget(self, kernels: Iterable[PrecisionKernel]) -> None:
        """Drop the times of KERNELS, whose operands have changed."""
        for kernel in kernels:
            self._now.pop(kernel, None)

    def copy(self, copy: Copy, places: Places) -> float:
        """Microseconds of a kernel that does COPY."""
        source = settled(self._plan.source_of(copy, places).type)[1]
        moved = self._traffic(source) + self._traffic(settled(copy.place.type)[1])
        return self.fitted.loop.launch + moved / self._speed

    def copied_bytes(self, copy: Copy) -> int:
        """Bytes that COPY reads and writes."""
        return 2 * evaluate(copy.place.type.bytes, self._sizes)

    @property
    def sector_bytes(self) -> int:
        """Bytes of memory that the L2 cache moves at a time."""
        return self._target.limits.sector_bytes

    def added(self, type: TensorType, longer: TensorType) -> int:
        """Bytes that a tensor LONGER than TYPE has beyond it."""
        return evaluate(longer.bytes, self._sizes) - evaluate(type.bytes, self._sizes)

    def bytes_of(self, kernel: PrecisionKernel) -> int:
        """Bytes that KERNEL, which only moves elements, reads and writes; each tensor counts once."""
        values = (*kernel.results, *(v for v in kernel.inputs if not _is_weight(v)))
        results = sum(evaluate(value.type.bytes, self._sizes) for value in kernel.results)
        return min(2 * results, sum(evaluate(value.type.bytes, self._sizes) for value in values))

    def surplus(self, value: Value, places: Places) -> float:
        """Microseconds that one consumer of VALUE loses to narrower accesses with the views PLACES."""
        type = self._plan.accessed_type(value, places)
        return self._surplus(type) / self._speed

    def _traffic(self, type: TensorType) -> float:
        return traffic(type, self._sizes, self._target)

    def _surplus(self, type: TensorType) -> float:
        """Bytes of traffic that one pass over TYPE has beyond its size."""
        return self._traffic(type) - evaluate(type.bytes, self._sizes)

    def _time(self, kernel: PrecisionKernel, places: Places) -> float:
        reads, writes = self._types(kernel, places)
        surplus = sum(map(self._surplus, (*reads, *writes)))
        return self._forecast(kernel, reads, writes).microseconds + surplus / self._speed

    def _types(self, kernel: PrecisionKernel, places: Places) -> tuple[list[TensorType], list[TensorType]]:
        reads = [self._plan.accessed_type(value, places) for value in kernel.inputs]
        return reads, [self._plan.accessed_type(value, places) for value in kernel.results]

    def _forecast(
        self, kernel: PrecisionKernel, reads: list[TensorType], writes: list[TensorType]
    ) -> Candidate:
        key = (kernel, (*reads, *writes))
        if key not in self._known:
            weights = [_is_weight(value) for value in kernel.inputs]
            self._known[key] = self._chooser.forecast(kernel.body.block, reads, writes, weights)
        return self._known[key]


def _plain_types(kernel: PrecisionKernel) -> tuple[list[TensorType], list[TensorType]]:
    return [value.type for value in kernel.inputs], [value.type for value in kernel.results]


def _is_weight(value: Value) -> bool:
    return isinstance(base_of(value).producer, Constant)
