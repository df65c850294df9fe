"""A staging that needs tensor maps and barriers gets them: nothing but its own class speaks of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig
from glassrt.codegen.families.contraction.simt import SIMT, SimtConfig
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.families.staging import registry
from glassrt.codegen.families.staging.cp_async import CpAsync
from glassrt.codegen.families.staging.staging import MappedOperand, StagedOperand, TileStaging
from glassrt.codegen.request.parameters import TensorMapParameter
from glassrt.codegen.request.request import KernelCode, Request
from glassrt.codegen.text.render import Template, render
from glassrt.dialects.core.dtypes import F16, F32, DType
from glassrt.dialects.core.tensor_map import TensorMap
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.contraction import Matmul
from glassrt.runtime.launch_rules import Traversal

from ...attention_cases import Shape
from ...attention_cases import module_of as attention_of
from ...contraction_cases import check, kernel_of, matmul, module_of, run_case
from ...one_kernel import kernel_module, plan_of

CONFIGS: dict[str, tuple[DType, Any, Any]] = {
    "contraction_mma": (F16, MMA, MmaConfig(64, 32, 64, 2, 1, 1, 3)),
    "contraction_simt": (F32, SIMT, SimtConfig(64, 32, 32, 8, 8, 3)),
}


@dataclass(frozen=True, kw_only=True)
class Bulk(TileStaging):
    """Takes the whole tiles of operands with wide copies: a map of each operand, a barrier a stage."""

    template: Template = CpAsync().template
    arrival: Template | None = CpAsync().arrival

    def takes(self, operand: StagedOperand) -> bool:
        return not operand.in_pieces and operand.copy_bytes == 16

    def maps(self, operand: MappedOperand) -> tuple[TensorMapParameter, ...]:
        rows, columns = operand.type.shape
        tall = operand.wide if operand.role == "a" else operand.deep
        stride = columns * operand.type.dtype.bytes
        tiles = TensorMap(
            operand.buffer, operand.type.dtype, (columns, rows), (stride,), Traversal((8, tall))
        )
        return (TensorMapParameter(f"{operand.role}_map", tiles),)

    def barrier_bytes(self, stages: int) -> int:
        return 8 * stages


@pytest.fixture
def bulk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more entry of the registry of stagings."""
    monkeypatch.setattr(registry, "STAGINGS", (Bulk(), *registry.STAGINGS))
    yield


def request_of(dtype: DType, columns: int = 64) -> Request:
    """A product whose second operand is the first buffer, so that roles are no positions."""
    found: list[Request] = []

    def body(do: Any, b: Any, a: Any) -> Any:
        return do(Matmul(a, b, accumulate=F32))

    def choose(request: Request) -> Any:
        found.append(request)
        return candidates(request)[0]

    plan_of(kernel_module(body, [TensorType((128, columns), dtype), TensorType((96, 128), dtype)]), choose)
    return found[0]


def code_of(family: str, request: Request) -> KernelCode:
    """The kernel under the configuration of CONFIGS."""
    return families()[family].realize(request, vars(CONFIGS[family][2]))


@pytest.mark.parametrize("family", CONFIGS)
def test_maps_are_parameters_of_the_kernel(family: str, bulk: None) -> None:
    dtype, _, config = CONFIGS[family]
    code = code_of(family, request_of(dtype))
    maps = {p.name: p.map for p in code.parameters if isinstance(p, TensorMapParameter)}
    assert {name: (map.operand, map.traversal.box) for name, map in maps.items()} == {
        "a_map": (1, (8, config.block_m)),
        "b_map": (0, (8, config.block_k)),
    }
    source = render(code.template, code.spec)
    assert "const GLASS_TENSOR_MAP a_map, const GLASS_TENSOR_MAP b_map" in source


@pytest.mark.parametrize("family", CONFIGS)
def test_barriers_lie_behind_the_pipeline(family: str, request: pytest.FixtureRequest) -> None:
    dtype, _, config = CONFIGS[family]
    asked = request_of(dtype)
    without = code_of(family, asked)
    assert "_barriers" not in render(without.template, without.spec)
    request.getfixturevalue("bulk")
    code = code_of(family, asked)
    assert code.geometry.shared == without.geometry.shared + 2 * 8 * config.stages
    source = render(code.template, code.spec)
    for role, offset in (("a", 0), ("b", 8 * config.stages)):
        place = f"reinterpret_cast<Barrier*>(shared + {without.geometry.shared + offset});"
        assert f"    Barrier* const {role}_barriers = {place}\n" in source


@pytest.mark.parametrize("family", CONFIGS)
def test_barriers_count_where_configurations_are_chosen(family: str, bulk: None) -> None:
    dtype, product, config = CONFIGS[family]
    problem = matmul(str(dtype), (96, 128), (128, 64)).problem
    pipeline = product.pipeline_bytes(problem, config)
    assert product.shared_bytes(problem, config, REFERENCE) == pipeline + 2 * 8 * config.stages


@pytest.mark.parametrize("alignment", [16, 128, 1024])
def test_stages_begin_where_a_staging_asks_for_it(alignment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tile of 4608 bytes; a kernel that reads the wrong stage is not right."""
    case, config = matmul("f32", (40, 100), (100, 36)), SimtConfig(64, 32, 32, 8, 8, 3)
    usual = kernel_of(case, config)
    stagings = (CpAsync(stage_alignment=alignment), *registry.STAGINGS)
    monkeypatch.setattr(registry, "STAGINGS", stagings)
    kernel = kernel_of(case, config)
    assert (kernel == usual) == (4608 % alignment == 0)
    strides = re.search(r"A_TILE = (\d+), B_TILE = (\d+);", kernel.source)
    assert strides is not None
    stages = [4 * int(elements) for elements in strides.groups()]
    assert all(stage % alignment == 0 for stage in stages)
    assert kernel.geometry.shared == SIMT.shared_bytes(case.problem, config, REFERENCE) == 3 * sum(stages)
    check(case, run_case(case, kernel, module_of([kernel])), 2.0**-24)


def test_an_operand_of_another_staging_has_neither(bulk: None) -> None:
    """Rows of 66 elements have no copies of 16 bytes."""
    code = code_of("contraction_mma", request_of(F16, columns=66))
    assert [p.name for p in code.parameters if isinstance(p, TensorMapParameter)] == ["a_map"]
    source = render(code.template, code.spec)
    assert "a_barriers" in source and "b_barriers" not in source


def test_attention_stages_pieces(bulk: None) -> None:
    """Its kernels have no barriers of stagings, so a staging that takes whole tiles alone is passed over."""
    shape = Shape(batch=1, heads=1, queries=64, keys=32, depth=32, dtype=F16)
    seen: list[StagedOperand] = []
    taken = Bulk.takes

    def takes(self: Bulk, operand: StagedOperand) -> bool:
        seen.append(operand)
        return taken(self, operand)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bulk, "takes", takes)
        plan_of(attention_of(shape))
    assert any(operand.in_pieces and operand.copy_bytes == 16 for operand in seen)
