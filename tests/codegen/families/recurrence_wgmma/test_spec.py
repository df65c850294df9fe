"""The spec of a recurrent kernel by wgmma, and a kernel as it is emitted."""

from __future__ import annotations

from dataclasses import asdict

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.recurrence_wgmma.config import WgmmaRecurrenceConfig, shapes
from glassrt.codegen.families.recurrence_wgmma.family import WgmmaRecurrenceFamily
from glassrt.codegen.families.recurrence_wgmma.spec import WgmmaRecurrenceSpec
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import KernelCode
from glassrt.codegen.text.render import render
from glassrt.dialects.graph.recurrence import Lstm, Recurrence

from ....conftest import Golden
from ...idle import hidden, idle
from ..recurrence.recurrences import op_of, request_of


def code_of(op: Recurrence, config: WgmmaRecurrenceConfig) -> KernelCode:
    return WgmmaRecurrenceFamily().realize(request_of(op, frozenset({1})), asdict(config))


def test_parts_of_shared_memory_follow_each_other() -> None:
    op, _ = op_of(Lstm, (100, 32, 512), ("lengths",))
    code = code_of(op, WgmmaRecurrenceConfig(16, 2, 2))
    spec = code.spec
    assert isinstance(spec, WgmmaRecurrenceSpec)
    assert (spec.states_at, spec.zeroed * 16) == (128, spec.inputs_at - spec.states_at)
    assert spec.ends_at - spec.inputs_at == spec.slots * spec.input_elements * 2
    assert code.geometry.shared == spec.ends_at + 16 * 4


def test_the_pieces_of_a_state_are_all_but_the_blocks_own() -> None:
    op, _ = op_of(Lstm, (100, 32, 512))
    for config in shapes(op, REFERENCE, {}):
        spec = code_of(op_of(Lstm, (100, 32, 512))[0], config).spec
        assert isinstance(spec, WgmmaRecurrenceSpec)
        arrived = sum(spec.sent(piece) for piece in range(spec.pieces))
        assert arrived == 2 * (spec.state_elements - spec.own_elements)


def test_no_configuration_holds_idle_code() -> None:
    for sizes, direction in (((1, 40, 64), "bidirectional"), ((7, 3, 128), "reverse")):
        op, _ = op_of(Lstm, sizes, ("lengths",), direction=direction)
        request = request_of(op)
        for config in list(shapes(op, REFERENCE, {}))[::3]:
            code = WgmmaRecurrenceFamily().realize(request, asdict(config))
            text = render(code.template, code.spec)
            assert not idle(text) and not hidden(text), config


def test_golden_kernel(golden: Golden) -> None:
    more = ("initial", "memory", "lengths", "peepholes")
    op, _ = op_of(Lstm, (100, 30, 64), more, direction="bidirectional", clip=2.0)
    code = code_of(op, WgmmaRecurrenceConfig(2, 2, 2))
    assert render(code.template, code.spec) == golden.at("lstm.cu")


def test_kernels_of_large_states_do_not_spill() -> None:
    op, _ = op_of(Lstm, (100, 64, 512), ("lengths", "peepholes"), direction="bidirectional")
    code = code_of(op, WgmmaRecurrenceConfig(16, 2, 8))
    (kernel,) = compile_kernels(
        {"k0": render(code.template, code.spec).replace(") k(", ") k0(")}, "sm_90a", headers(), None
    ).values()
    assert kernel.spill_bytes == 0 and kernel.registers <= 240
