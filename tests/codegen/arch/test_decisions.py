"""What a choice or an expected time rests on is the target's: with another constant, it is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.fitted import (
    AttentionFit,
    MemoryFit,
    RasterFit,
    RegistersFit,
    RowFit,
    ScheduleFit,
)
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig
from glassrt.codegen.families.contraction.simt import SIMT, SimtConfig
from glassrt.codegen.families.contraction.tile import raster
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Config, Request
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.patterns.strided import part, traffic
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Sub
from glassrt.dialects.graph.reduction import Reduce
from glassrt.testing.net import Net

from ...property.groups import inception
from ..attention_cases import Shape, module_of
from ..contraction_cases import matmul
from ..fitted_targets import fitted
from ..one_kernel import kernel_module, plan_of

MIB = 1 << 20


def request_of(module: Module) -> Request:
    """The request for the kernel of MODULE."""
    found: list[Request] = []

    def choose(request: Request) -> Candidate:
        found.append(request)
        return candidates(request)[0]

    plan_of(module, choose)
    return found[0]


def row_sums(rows: int, length: int, axis: int = 1) -> Request:
    """The request for the sums of ROWS rows; AXIS 0: of columns, which adjacent threads have."""
    shape = (rows, length) if axis else (length, rows)

    def body(do: Callable[..., Any], x: Any) -> Any:
        return do(Reduce(x, kind="sum", axes=[axis], keepdims=True))

    return request_of(kernel_module(body, [TensorType(shape, F32)]))


def row_configs(request: Request, target: ArchSpec) -> list[Config]:
    """The configurations of row kernels for REQUEST on TARGET; none where threads do not share its rows."""
    found = families()["row"].propose(replace(request, target=target))
    return [candidate.config for candidate in sorted(found, key=lambda found: str(found.config))]


# ---------------------------------------------------------------- contractions


def bands(columns: int, target: ArchSpec, deep: int = 1024) -> int:
    problem = matmul("f16", (512, deep), (deep, 128 * columns)).problem
    return raster(problem, 128, target)


def test_tiles_are_visited_in_bands_where_the_l2_cache_does_not_hold_b() -> None:
    half = replace(REFERENCE, card=replace(REFERENCE.card, l2_bytes=25 * MIB))
    assert [bands(columns, REFERENCE) for columns in (8, 9, 16, 17)] == [1, 1, 1, 8]
    assert [bands(columns, half) for columns in (8, 9, 16, 17)] == [1, 8, 8, 8]
    assert bands(17, arch_named("sm_89:l40s")) == 1, "96 MiB hold it"
    assert bands(17, fitted("raster", RasterFit(rows=4))) == 4
    assert [bands(32, REFERENCE, deep) for deep in (64, 100, 104)] == [1, 1, 8], "a 64th of 50 MiB"
    configs = MMA.shapes(matmul("f16", (512, 1024), (1024, 128 * 17)).problem, half)
    assert {config.raster for config in configs} == {8}


@pytest.mark.parametrize(
    ("fit", "narrow", "wide"),
    [
        (RegistersFit(), 4, 3),
        (RegistersFit(mma=200), 2, 3),
        (RegistersFit(mma_wide=140), 4, 2),
        (RegistersFit(mma_narrow=16), 3, 3),
    ],
)
def test_the_occupancy_follows_from_the_registers_of_kernels(
    fit: RegistersFit, narrow: int, wide: int
) -> None:
    problem, target = matmul("f16", (512, 512), (512, 512)).problem, fitted("registers", fit)
    configs = MmaConfig(64, 64, 64, 2, 2, stages=2), MmaConfig(128, 64, 32, 2, 2, stages=2)
    assert [MMA.blocks_per_multiprocessor(problem, config, target) for config in configs] == [narrow, wide]


def test_so_does_that_of_products_on_scalar_units() -> None:
    problem, config = matmul("f32", (512, 512), (512, 512)).problem, SimtConfig(64, 64, 16, 16, 16)
    targets = REFERENCE, fitted("registers", RegistersFit(simt=200))
    assert [SIMT.blocks_per_multiprocessor(problem, config, target) for target in targets] == [2, 1]


# ---------------------------------------------------------------- attention


@pytest.mark.parametrize(
    "target",
    [
        fitted("registers", RegistersFit(attention=255)),
        fitted("attention", AttentionFit(resident=1)),
        replace(REFERENCE, limits=replace(REFERENCE.limits, schedulers=2)),
    ],
    ids=["registers", "resident", "schedulers"],
)
def test_the_time_of_attention_is_asked_of_the_target(target: ArchSpec) -> None:
    request = request_of(module_of(Shape(batch=64, heads=12, queries=512, keys=512, depth=64, width=64)))
    times = [
        {str(found.config): found.microseconds for found in candidates(replace(request, target=each))}
        for each in (REFERENCE, target)
    ]
    assert times[0].keys() & times[1].keys() and times[0] != times[1]


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("rows", "length", "axis", "fit"),
    [
        (4096, 24, 1, RowFit(shared_alone=16)),
        (4096, 64, 1, RowFit(shared_alone=128)),
        (4096, 1024, 1, RowFit(thread_elements=64)),
        (4096, 128, 0, RowFit(across_elements=8)),
        (1, 1 << 16, 1, RowFit(part_elements=64)),
    ],
    ids=["alone, shorter", "alone, longer", "thread", "across", "part"],
)
def test_the_division_of_rows_is_asked_of_the_target(rows: int, length: int, axis: int, fit: RowFit) -> None:
    request = row_sums(rows, length, axis)
    assert row_configs(request, REFERENCE) != row_configs(request, fitted("row", fit))


def test_so_are_reductions_that_all_columns_use() -> None:
    def body(do: Callable[..., Any], x: Any) -> Any:
        return do(Sub(x, do(Reduce(x, kind="max", axes=[1], keepdims=True))))

    request = request_of(kernel_module(body, [TensorType((4096, 12), F32)]))
    assert row_configs(request, REFERENCE) and not row_configs(request, fitted("row", RowFit(shared=13)))


# ---------------------------------------------------------------- launches and memory


def test_groups_have_as_many_waves_as_the_target_gains_by() -> None:
    def records(target: ArchSpec) -> list[Record]:
        net = Net()
        module = net.done(inception(net, net.input("x", 1, 16, 14, 14)))
        settings = Settings(targets=(target,), cache=None)
        context = context_of(settings)
        launch_level(module, settings, context)
        return [each for each in context.ledger if each.rule == GROUP_LAUNCHES]

    assert any(each.verdict == Verdict.TAKEN for each in records(REFERENCE))
    refused = records(fitted("schedule", ScheduleFit(group_waves=0)))
    assert refused and not any(each.verdict == Verdict.TAKEN for each in refused)
    assert any("more than 0 waves" in each.reason for each in refused)


def test_traffic_is_of_the_targets_sectors_and_slowed_as_fitted() -> None:
    whole = TensorType((8, 4, 64), F16)
    odd, narrow = part(whole, (0, 0, 9), (8, 4, 32)), part(whole, (0, 0, 8), (8, 4, 4))
    slow = fitted("memory", MemoryFit(slowdowns=(8.0, 4.0, 2.0, 1.0, 1.0)))
    coarse = replace(REFERENCE, limits=replace(REFERENCE.limits, sector_bytes=64))
    assert [traffic(odd, {}, target) for target in (REFERENCE, slow)] == [1.75 * 2048, 4.0 * 2048]
    assert [traffic(narrow, {}, target) for target in (REFERENCE, coarse)] == [4.0 * 256, 8.0 * 256]
