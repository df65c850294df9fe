"""What decisions about views share: who accesses a tensor, and what is taken back where a kernel refuses."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.kernels.choice import KernelChooser, cheapest
from glassrt.compiler.memory.views.context import Places, ViewContext, kernels_accessing, memory_order
from glassrt.compiler.memory.views.cost import AccessRefusal
from glassrt.compiler.memory.views.record import ViewRecord
from glassrt.compiler.memory.views.view_plan import ViewPlace
from glassrt.compiler.patterns.strided import part
from glassrt.dialects.control import ControlYield, If
from glassrt.dialects.core.dtypes import BOOL, F32
from glassrt.dialects.core.ir import Block, Region, Value
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.unary import Exp
from glassrt.dialects.precision import PrecisionKernel

from .by_hand import Kernels, kernel_of

WHOLE = TensorType((4, 32), F32)


class Made:
    """Kernels exp of x and of z, their sum, and an exp of the first's reshape."""

    def __init__(self) -> None:
        net = self.net = Kernels()
        self.x, self.z, self.root = net.input("x", 4, 8), net.input("z", 4, 8), net.input("root", 4, 32)
        (self.a,) = net.kernel(lambda do, v: (do(Exp(v)),), self.x)
        (self.b,) = net.kernel(lambda do, v: (do(Exp(v)),), self.z)
        (self.sum,) = net.kernel(lambda do, v, w: (do(Add(v, w)),), self.a, self.b)
        self.seen = net.add(Reshape, self.a, shape=[32])
        (self.last,) = net.kernel(lambda do, v: (do(Exp(v)),), self.seen)

    def context(self, *outputs: Value) -> ViewContext:
        module = self.net.done(*(outputs or (self.sum, self.last)))
        chooser = KernelChooser(module, REFERENCE, cheapest)
        return ViewContext(module, module.main, chooser, ViewRecord(None))

    def places(self) -> Places:
        return {
            value: ViewPlace(self.root, part(WHOLE, (0, 8 * index), (4, 8)))
            for index, value in enumerate((self.a, self.b))
        }


def test_accesses_are_found_through_reshapes() -> None:
    made = Made()
    assert set(kernels_accessing(made.a)) == {kernel_of(each) for each in (made.a, made.last, made.sum)}
    assert kernels_accessing(made.x) == [kernel_of(made.a)]
    context = made.context()
    affected = context.affected([made.a, made.b], {kernel_of(made.a)})
    assert set(affected) == {kernel_of(value) for value in (made.b, made.sum, made.last)}


def test_outputs_and_what_is_passed_on_are_known_through_reshapes() -> None:
    made = Made()
    flag = made.net.input("flag", dtype=BOOL)
    regions = []
    for _ in range(2):
        block = Block([made.b.type])
        block.append(ControlYield(block.arguments[0]))
        regions.append(Region(block))
    chosen = made.net.function.block.append(If(flag, made.b, regions=regions)).result
    context = made.context(made.seen, made.sum, chosen)
    assert context.is_output(made.a) and not context.is_output(made.b)
    assert context.is_passed(made.b) and not context.is_passed(made.a)


def test_a_reshape_that_would_move_elements_is_a_reason() -> None:
    made = Made()
    context = made.context()
    reason = context.reshape_refusal(made.a, made.places())
    assert reason is not None and "cannot be a view of a strided part" in reason
    assert context.reshape_refusal(made.b, made.places()) is None
    assert context.empty_refusal([made.a, made.b]) is None
    assert context.empty_refusal([made.a, made.net.input("none", 0, 3)]) == "tensor<0x3xf32> is empty"


def refusing(context: ViewContext, limit: dict[PrecisionKernel, int]) -> None:
    """Have kernels refuse more strided tensors than LIMIT says."""

    def refusal(kernels: Iterable[PrecisionKernel], places: Places) -> AccessRefusal | None:
        for kernel in kernels:
            strided = sum(value in places for value in (*kernel.inputs, *kernel.results))
            if strided > limit.get(kernel, 9):
                return AccessRefusal(kernel, "no more")
        return None

    context.cost.access_refusal = refusal  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("most", "kept", "alone"), [(2, {"a", "b"}, None), (1, set(), False), (0, set(), False)]
)
def test_all_strided_tensors_of_a_kernel_that_refuses_are_taken_back(
    most: int, kept: set[str], alone: bool | None
) -> None:
    made = Made()
    context, places = made.context(), made.places()
    refusing(context, {kernel_of(made.sum): most})
    found = context.withdraw(places, set())
    assert set(places) == {getattr(made, name) for name in kept}
    assert {each.alone for each in found.values()} == ({alone} - {None})


def test_a_kernel_that_refuses_one_leaves_the_others() -> None:
    made = Made()
    context, places = made.context(), made.places()
    refusing(context, {kernel_of(made.b): 0})
    found = context.withdraw(places, set())
    assert set(places) == {made.a} and found[made.b].alone and found[made.b].reason == "no more"
    again = made.places()
    assert context.withdraw(again, {kernel_of(made.b)}) == {}, "a kernel that is elided is not asked"


def test_elided_kernels_are_in_the_plan_and_no_more_affected() -> None:
    made = Made()
    context, places = made.context(), made.places()
    context.elide([kernel_of(made.sum)], places)
    assert context.plan.elided == {kernel_of(made.sum)} and context.plan.places == places
    assert kernel_of(made.sum) not in context.affected([made.a], set())


def test_the_order_in_memory_leaves_out_what_is_one() -> None:
    assert memory_order(TensorType((2, 3, 4, 5), F32, channels_last(4))) == [0, 2, 3, 1]
    assert memory_order(TensorType((2, 1, 4, 5), F32)) == [0, 2, 3]
    assert memory_order(TensorType((4, 6), F32, Layout((), (1, 4)))) == [1, 0]
