"""What a group's launch has not: launches that need it stay alone, and the ledger says why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from glassrt.codegen.families.group.family import geometry_of
from glassrt.codegen.families.group.joinable import Unjoinable, unjoinable
from glassrt.codegen.families.staging import registry
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.staging import MappedOperand, StagedOperand
from glassrt.codegen.request.parameters import TensorMapParameter
from glassrt.codegen.request.request import Geometry, KernelCode
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.tensor_map import TensorMap
from glassrt.runtime.launch_rules import Traversal
from glassrt.testing.net import Net

from ....property.groups import groups, launches, lowered

PLAIN = Geometry((4, 1, 1), (128, 1, 1))
MAP = TensorMap(0, F16, (64, 32), (128,), Traversal((8, 8)))


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (PLAIN, None),
        (replace(PLAIN, grid=(4, 2, 1)), None),
        (replace(PLAIN, grid=(4, 1, 2)), Unjoinable.SHAPE),
        (replace(PLAIN, block=(32, 4, 1)), Unjoinable.SHAPE),
        (replace(PLAIN, cluster=(2, 1, 1)), Unjoinable.CLUSTERS),
        (replace(PLAIN, cooperative=True), Unjoinable.COOPERATIVE),
    ],
)
def test_geometries(geometry: Geometry, reason: Unjoinable | None) -> None:
    assert unjoinable(geometry, ()) is reason


def test_a_group_of_a_kernel_with_tensor_maps_is_an_error() -> None:
    plain = KernelCode("", None, PLAIN, ())
    mapped = replace(plain, parameters=(TensorMapParameter("tiles", MAP),))
    with pytest.raises(ValueError, match="member 1 of the group cannot be one: its kernel takes tensor maps"):
        geometry_of([plain, mapped])


@dataclass(frozen=True, kw_only=True)
class Mapped(CpAsync):
    """Copies as ever, and asks for a tensor map of the whole buffer as well."""

    def takes(self, operand: StagedOperand) -> bool:
        return super().takes(operand) and not operand.in_pieces

    def maps(self, operand: MappedOperand) -> tuple[TensorMapParameter, ...]:
        rows, columns = operand.type.shape
        stride = columns * operand.type.dtype.bytes
        dims: Any = (columns, rows)
        tiles = TensorMap(operand.buffer, operand.type.dtype, dims, (stride,), Traversal((8, 8)))
        return (TensorMapParameter(f"{operand.role}_map", tiles),)


def two_products() -> Module:
    net = Net()
    return net.done(net.linear(net.input("x", 32, 64), 64), net.linear(net.input("y", 32, 64), 64))


def test_products_whose_tiles_come_by_tensor_maps_are_launched_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, _ = lowered(two_products())
    assert len(groups(usual)) == len(launches(usual)) == 1
    monkeypatch.setattr(registry, "STAGINGS", (Mapped(), *registry.STAGINGS))
    module, context = lowered(two_products())
    assert [len(op.maps) for op in launches(module)] == [2, 2]
    (record,) = (record for record in context.ledger if record.rule == GROUP_LAUNCHES)
    assert (record.verdict, record.reason) == (Verdict.REFUSED, Unjoinable.TENSOR_MAPS.value)
