"""What strided tensors cost: by hand, and by the families that take them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.request.request import Candidate
from glassrt.compiler.kernels.choice import KernelChooser, cheapest
from glassrt.compiler.memory.views.cost import ViewCost
from glassrt.compiler.memory.views.view_plan import Copy, ViewPlace, ViewPlan
from glassrt.compiler.patterns.strided import part, traffic
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Value
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Exp
from glassrt.errors import UnsupportedError

from .by_hand import Kernels, kernel_of

WHOLE = TensorType((4096, 64), F32)
SPEED = REFERENCE.bytes_per_second / 1e6  # bytes a microsecond


class Cut:
    """The upper half of a tensor's columns, and a kernel that reads it."""

    def __init__(self) -> None:
        net = Kernels()
        self.x = net.input("x", 4096, 64)
        (self.half,) = net.kernel(lambda do, v: (do(Slice(v, starts=[0, 32], sizes=[4096, 32])),), self.x)
        (self.read,) = net.kernel(lambda do, v: (do(Exp(v)),), self.half)
        (self.scaled,) = net.kernel(lambda do, v, w: (do(Exp(v)),), self.x, net.weights(4096, 64))
        self.module = net.done(self.read, self.scaled)
        self.plan = ViewPlan()
        self.cost = ViewCost(self.module, KernelChooser(self.module, REFERENCE, cheapest), self.plan)

    def lying(self, start: int) -> dict[Value, ViewPlace]:
        return {self.half: ViewPlace(self.x, part(WHOLE, (0, start), (4096, 32)))}


def test_aligned_parts_cost_nothing_more_and_narrow_accesses_do() -> None:
    cut = Cut()
    kernel = kernel_of(cut.read)
    assert cut.cost.surplus(cut.half, cut.lying(32)) == 0
    odd = cut.lying(33)
    accessed = cut.plan.accessed_type(cut.half, odd)
    extra = traffic(accessed, {}, REFERENCE) - 4096 * 32 * 4
    assert extra > 0 and cut.cost.surplus(cut.half, odd) == pytest.approx(extra / SPEED)
    assert cut.cost.change([kernel], odd) >= 0.99 * cut.cost.surplus(cut.half, odd)
    assert abs(cut.cost.change([kernel], cut.lying(32))) < cut.cost.change([kernel], odd)


def test_times_are_kept_until_operands_change() -> None:
    cut = Cut()
    kernel = kernel_of(cut.read)
    before = cut.cost.of(kernel)
    cut.plan.places.update(cut.lying(33))
    assert cut.cost.of(kernel) == before
    cut.cost.forget([kernel])
    assert cut.cost.of(kernel) > before


def test_bytes_of_what_only_moves_elements() -> None:
    """Of a slice twice what it gives; of a kernel with weights, not these."""
    cut = Cut()
    assert cut.cost.bytes_of(kernel_of(cut.half)) == 2 * 4096 * 32 * 4
    assert cut.cost.bytes_of(kernel_of(cut.scaled)) == 2 * 4096 * 64 * 4


def test_a_copy_is_a_launch_and_its_bytes() -> None:
    cut = Cut()
    copy = Copy(cut.half, ViewPlace(cut.x, part(WHOLE, (0, 0), (4096, 32))))
    moved = 2 * 4096 * 32 * 4
    assert cut.cost.copied_bytes(copy) == moved
    assert cut.cost.copy(copy, {}) == pytest.approx(REFERENCE.fitted.loop.launch + moved / SPEED)


class Picky(KernelChooser):
    """Takes tensors at multiples of eight elements, and those at others of four by another family."""

    def forecast(
        self,
        region: Block,
        reads: Sequence[TensorType],
        writes: Sequence[TensorType],
        weights: Sequence[bool],
    ) -> Candidate:
        offsets = [type.layout.offset for type in (*reads, *writes)]
        if any(offset % 4 for offset in offsets):  # type: ignore[operator]
            raise UnsupportedError("no family")
        return Candidate("row" if any(offset % 8 for offset in offsets) else "loop", {}, 1.0)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (32, None),
        (36, "the loop kernel of kernel1 cannot access a strided tensor there"),
        (33, "no kernel family runs kernel1 on strided tensors"),
    ],
)
def test_a_kernel_that_would_need_another_family_is_named(start: int, reason: str | None) -> None:
    cut = Cut()
    half = TensorType((4096, 32), F32, Layout((), (64, 1), start))
    cost = ViewCost(cut.module, Picky(cut.module, REFERENCE, cheapest), cut.plan)
    cut.plan.accessed_type = lambda value, more=None: half if value is cut.half else value.type  # type: ignore
    refusal = cost.access_refusal([kernel_of(cut.scaled), kernel_of(cut.read)], {})
    assert (None if refusal is None else (refusal.op, refusal.reason)) == (
        None if reason is None else (kernel_of(cut.read), reason)
    )
