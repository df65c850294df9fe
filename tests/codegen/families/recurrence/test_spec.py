"""The spec of a recurrent kernel, and a kernel as it is emitted."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.recurrence.config import RecurrenceConfig, shapes
from glassrt.codegen.families.recurrence.family import RecurrenceFamily
from glassrt.codegen.families.recurrence.spec import RecurrenceSpec
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import KernelCode
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16, F32, I8, DType
from glassrt.dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn

from ....conftest import Golden
from ...idle import hidden, idle
from .recurrences import op_of, request_of


def code_of(op: Recurrence, config: RecurrenceConfig, weights: frozenset[int] = frozenset()) -> KernelCode:
    return RecurrenceFamily().realize(request_of(op, weights), asdict(config))


def spec_of(code: KernelCode) -> RecurrenceSpec:
    assert isinstance(code.spec, RecurrenceSpec)
    return code.spec


def test_buffers_have_the_names_of_the_signature() -> None:
    op, _ = op_of(Lstm, (5, 3, 64), ("memory", "lengths"))
    spec = spec_of(code_of(op, RecurrenceConfig(4, 2, 2, 1)))
    assert (spec.x, spec.weights, spec.initial, spec.lengths, spec.memory) == ("x0", "x1", None, "x2", "x3")
    assert (spec.y, spec.last, spec.last_memory) == ("y0", "y1", "y2")
    assert spec.reads_cells and not spec.padded and not spec.weights_known


def test_weights_that_no_kernel_writes_are_loaded_before_the_wait() -> None:
    op, _ = op_of(Rnn, (5, 3, 32))
    code = code_of(op, RecurrenceConfig(2, 1, 1, 1), frozenset({1}))
    text = render(code.template, code.spec)
    assert spec_of(code).weights_known and not spec_of(code).reads_cells
    assert text.index("weight(half, 0)") < text.index("pdl_wait()")


def test_scales_that_a_kernel_writes_are_loaded_after_the_wait() -> None:
    config = RecurrenceConfig(2, 1, 1, 1)
    for known in ({"weights"}, {"weights", "scales"}):
        op, names = op_of(Rnn, (5, 3, 32), ("scales",), stored=I8)
        code = code_of(op, config, frozenset(map(names.index, known)))
        assert spec_of(code).weights_known is ("scales" in known)


@pytest.mark.parametrize("kind", [Lstm, Gru, Rnn], ids=lambda kind: kind.__name__)
def test_no_configuration_holds_idle_code(kind: type[Recurrence]) -> None:
    for sizes, direction in (((1, 40, 64), "bidirectional"), ((7, 1, 300), "reverse")):
        op, _ = op_of(kind, sizes, direction=direction)
        request = request_of(op)
        wide, _ = op_of(kind, sizes, dtype=F32, direction=direction)
        pairs = [(request, each) for each in list(shapes(op, REFERENCE, {}))[::3]]
        in_f32 = request_of(wide)
        pairs += [(in_f32, each) for each in list(shapes(wide, REFERENCE, {}, 4))[::5]]
        for given, config in pairs:
            code = RecurrenceFamily().realize(given, asdict(config))
            text = render(code.template, code.spec)
            assert not idle(text) and not hidden(text), config


def test_golden_kernel(golden: Golden) -> None:
    more = ("initial", "memory", "lengths", "peepholes")
    op, _ = op_of(Lstm, (100, 3, 96), more, direction="bidirectional", clip=2.0)
    code = code_of(op, RecurrenceConfig(4, 3, 2, 1), frozenset({1}))
    assert render(code.template, code.spec) == golden.at("lstm.cu")


def test_golden_kernel_in_f32(golden: Golden) -> None:
    op, _ = op_of(Gru, (100, 3, 64), ("bias",), F32)
    code = code_of(op, RecurrenceConfig(4, 1, 2, 1, width=4), frozenset({1}))
    assert render(code.template, code.spec) == golden.at("gru_f32.cu")


def test_kernels_of_large_states_do_not_spill() -> None:
    configs: list[tuple[type[Recurrence], int, DType, RecurrenceConfig]] = [
        (Lstm, 512, F16, RecurrenceConfig(16, 4, 2, 2)),
        (Gru, 768, F16, RecurrenceConfig(16, 3, 4, 1)),
        (Gru, 512, F32, RecurrenceConfig(16, 2, 4, 1, width=4)),
    ]
    sources = {}
    for number, (kind, hidden_size, dtype, config) in enumerate(configs):
        op, _ = op_of(kind, (100, 32, hidden_size), dtype=dtype, direction="bidirectional")
        code = code_of(op, config)
        sources[f"k{number}"] = render(code.template, code.spec).replace(") k(", f") k{number}(")
    for kernel in compile_kernels(sources, "sm_90a", headers(), None).values():
        assert kernel.spill_bytes == 0 and kernel.registers <= 255
