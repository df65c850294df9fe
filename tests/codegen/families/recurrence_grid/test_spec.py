"""The spec of a recurrent kernel of a cooperative grid, and a kernel as it is emitted."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.recurrence_grid.config import GridRecurrenceConfig, shapes
from glassrt.codegen.families.recurrence_grid.family import GridRecurrenceFamily
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import KernelCode
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16, U32
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn

from ....conftest import Golden
from ...idle import hidden, idle
from ..recurrence.recurrences import op_of, request_of


def code_of(op: Recurrence, config: GridRecurrenceConfig) -> KernelCode:
    return GridRecurrenceFamily().realize(request_of(op, frozenset({1})), asdict(config))


def test_scratch_memory_is_two_states_and_counters() -> None:
    op, _ = op_of(Lstm, (5, 30, 64), direction="bidirectional")
    code = code_of(op, GridRecurrenceConfig(4, 2, 2, 2))
    assert [(own.dtype, own.count, own.space) for own in code.scratch] == [
        (F16, 2 * 2 * 64 * 16, "arena"),
        (U32, 3, "counters"),
    ]
    assert code.geometry.cooperative and code.geometry.grid == (4, 1, 2)


@pytest.mark.parametrize("kind", [Lstm, Gru, Rnn], ids=lambda kind: kind.__name__)
def test_no_configuration_holds_idle_code(kind: type[Recurrence]) -> None:
    for sizes, direction in (((1, 40, 64), "bidirectional"), ((7, 1, 1024), "reverse")):
        op, _ = op_of(kind, sizes, ("lengths",), direction=direction)
        request = request_of(op)
        for config in list(shapes(op, REFERENCE, {}))[::4]:
            code = GridRecurrenceFamily().realize(request, asdict(config))
            text = render(code.template, code.spec)
            assert not idle(text) and not hidden(text), config


def test_golden_kernel(golden: Golden) -> None:
    op, _ = op_of(Gru, (100, 30, 64), ("initial", "bias", "lengths"), direction="bidirectional")
    code = code_of(op, GridRecurrenceConfig(4, 1, 2, 1))
    assert render(code.template, code.spec) == golden.at("gru.cu")


def test_kernels_of_large_states_do_not_spill() -> None:
    configs = [(Lstm, GridRecurrenceConfig(128, 2, 4, 2)), (Gru, GridRecurrenceConfig(128, 1, 4, 2))]
    sources = {}
    for number, (kind, config) in enumerate(configs):
        op, _ = op_of(kind, (100, 32, 2048), ("lengths",))
        code = code_of(op, config)
        sources[f"k{number}"] = render(code.template, code.spec).replace(") k(", f") k{number}(")
    for kernel in compile_kernels(sources, "sm_90a", headers(), None).values():
        assert kernel.spill_bytes == 0 and kernel.registers <= 255
