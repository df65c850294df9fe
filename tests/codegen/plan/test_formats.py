"""Formats that a launch states: every triple is accepted or refused as what kernels do says."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.kernel_family import Rank
from glassrt.codegen.families.registry import families
from glassrt.codegen.plan.formats import check_formats
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import BF16, F8E4M3, F16, F32, FORMATS, I8, I32, TF32, DType
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError
from glassrt.testing.net import Net

from ...property.groups import groups, lowered
from ..one_kernel import kernel_module
from ..ranks import of_rank

SQUARE = {dtype: TensorType((32, 32), dtype) for dtype in (F32, F16, I32)}
STORED, MULTIPLIED = {F32, F16, BF16}, {F32, F16, BF16, TF32, I8, F8E4M3}
KEYS = ("requested", "compute", "executed")


def launch_of(body: Any, dtype: DType, arguments: int, rank: Rank) -> Kernel:
    module = kernel_module(body, [SQUARE[dtype]] * arguments)
    module = precision_to_launch(module, REFERENCE, of_rank(rank))
    (op,) = [op for op in module.main.block if isinstance(op, Kernel)]
    return op


def matmul(do: Any, x: Any, y: Any) -> Any:
    return do(Matmul(x, y))


def rounded(do: Any, x: Any, y: Any) -> Any:
    return do(Matmul(x, y, multiply=TF32, transpose_b=True))


def relu(do: Any, x: Any) -> Any:
    return do(Relu(x))


def state(op: Kernel, formats: dict[str, DType]) -> None:
    op.attributes.update({key: formats.get(key) for key in KEYS})


def accepted(op: Kernel) -> set[tuple[DType, ...]]:
    """Every triple of formats that may stand on OP."""
    found = set()
    for triple in product(FORMATS.values(), repeat=3):
        state(op, dict(zip(KEYS, triple, strict=True)))
        try:
            check_formats(op)
        except IRError:
            continue
        found.add(triple)
    return found


def test_a_product_executes_the_type_of_its_operands() -> None:
    op = launch_of(matmul, F16, 2, Rank.TENSOR_CORES)
    assert accepted(op) == {(asked, F16, F16) for asked in MULTIPLIED}


def test_a_product_may_leave_a_rounding_out() -> None:
    op = launch_of(matmul, F32, 2, Rank.SCALAR_UNITS)
    assert accepted(op) == {(asked, chosen, F32) for asked in MULTIPLIED for chosen in (F32, TF32)}


def test_a_family_that_rounds_executes_the_rounding() -> None:
    op = launch_of(rounded, F32, 2, Rank.TENSOR_CORES)
    assert families()[op.family].rounds_operands
    assert accepted(op) == {(asked, TF32, TF32) for asked in MULTIPLIED}


def test_others_compute_in_formats_that_are_stored() -> None:
    assert accepted(launch_of(relu, F32, 1, Rank.GENERAL)) == {(asked, F32, F32) for asked in STORED}
    sums = launch_of(lambda do, x, y: do(Add(x, y)), I32, 2, Rank.GENERAL)
    assert accepted(sums) == {(I32, I32, I32)}


@pytest.mark.parametrize("missing", KEYS)
def test_formats_are_stated_all_or_none(missing: str) -> None:
    op = launch_of(relu, F32, 1, Rank.GENERAL)
    state(op, {})
    check_formats(op)
    state(op, {key: F32 for key in KEYS if key != missing})
    with pytest.raises(IRError, match="but not the"):
        check_formats(op)


def test_of_a_copy_the_executed_format_alone() -> None:
    op = launch_of(lambda do, x: do(Transpose(x, perm=[1, 0])), F16, 1, Rank.GENERAL)
    state(op, {"executed": F16})
    check_formats(op)
    state(op, {"executed": F32})
    with pytest.raises(IRError, match="executes f16, not f32"):
        check_formats(op)


def grouped() -> Kernel:
    net = Net()
    ends: list[Any] = [net.add(Relu, net.input(f"x{number}", 8)) for number in (0, 1)]
    module: Module = net.done(*ends)
    (op,) = groups(lowered(module)[0])
    return op


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({f"m{member}_{key}": "f32" for member in (0, 1) for key in KEYS}, None),
        ({}, None),
        ({f"m1_{key}": "f32" for key in KEYS}, "states formats of other members, but none of member 0"),
        (
            {f"m{m}_{key}": "f16" if m else "f32" for m in (0, 1) for key in KEYS},
            "member 1 executes f32, not f16",
        ),
        ({"m2_executed": "f32"}, "its formats of members"),
    ],
)
def test_a_group_states_formats_by_member(table: dict[str, str], message: str | None) -> None:
    op = grouped()
    op.attributes["member_formats"] = table
    if message is None:
        check_formats(op)
    else:
        with pytest.raises(IRError, match=message):
            check_formats(op)


def test_a_group_has_no_format_of_its_own_and_no_other_has_members() -> None:
    op = grouped()
    state(op, {"executed": F32})
    with pytest.raises(IRError, match="states a format of its own, executed, but is a group"):
        check_formats(op)
    alone = launch_of(relu, F32, 1, Rank.GENERAL)
    alone.attributes["member_formats"] = {"m0_executed": "f32"}
    with pytest.raises(IRError, match="states formats of members, but is not a group"):
        check_formats(alone)
