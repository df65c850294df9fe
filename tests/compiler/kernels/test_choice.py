"""The choice of a kernel: once for equal kernels, another where the best one spills, the same as forecast."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import candidates, kernel_name, request_of, request_signature
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.kernels.choice import KernelChooser, cheapest, lying_as
from glassrt.compiler.passes.spilled import Spilled
from glassrt.compiler.settings.tactics import GoneTacticError, Tactic
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered


def convolutions(count: int) -> tuple[Module, list[Kernel]]:
    """Convolutions of one shape one after the other, and their launches without the casts at the border."""
    net = Net()
    x = net.input("x", 1, 16, 8, 8)
    for _ in range(count):
        x = net.conv(x, 16)
    module, _ = lowered(net.done(x), "fp16")
    found = [op for op in module.main.block if isinstance(op, Kernel)]
    return module, [op for op in found if any(o.name == "graph.conv" for o in op.body.block)]


def plan(chooser: KernelChooser, op: Kernel) -> object:
    return chooser.plan(op.body.block, op.reads, op.writes)


def test_equal_kernels_are_chosen_once() -> None:
    module, launches = convolutions(4)
    asked: list[Request] = []

    def choose(request: Request) -> Candidate:
        asked.append(request)
        return cheapest(request)

    chooser = KernelChooser(module, REFERENCE, choose)
    middle = launches[1:3]
    assert plan(chooser, middle[0]) is plan(chooser, middle[1])
    assert len(asked) == 1


def test_a_kernel_that_spills_gives_way_to_the_next_and_says_so() -> None:
    module, (op, *_) = convolutions(1)
    best = KernelChooser(module, REFERENCE, cheapest).plan(op.body.block, op.reads, op.writes)
    spilled = Spilled(kernels={best.name: "spills 8 bytes"})
    other = KernelChooser(module, REFERENCE, cheapest, spilled).plan(op.body.block, op.reads, op.writes)
    assert other.name != best.name and best.instead == ()
    (reason,) = other.instead
    assert reason.startswith(f"{best.candidate.family} of ") and reason.endswith("spills 8 bytes")


def tactics_for(module: Module, op: Kernel, rank: int) -> tuple[dict[str, Tactic], Candidate]:
    """A tactic for OP, the candidate that the cost model puts at RANK, and that candidate."""
    request = request_of(module, op, REFERENCE)
    candidate = candidates(request)[rank]
    return {request_signature(request): Tactic(candidate.family, candidate.config, 1.0, 2.0, 4)}, candidate


def test_a_tactic_takes_the_place_of_the_choice() -> None:
    module, (op, *_) = convolutions(1)
    tactics, candidate = tactics_for(module, op, 2)
    planned = KernelChooser(module, REFERENCE, cheapest, None, tactics).plan(
        op.body.block, op.reads, op.writes
    )
    assert planned.candidate == candidate and planned.tactic in tactics.values()
    others = {"conv_other": next(iter(tactics.values()))}
    plain = KernelChooser(module, REFERENCE, cheapest, None, others).plan(op.body.block, op.reads, op.writes)
    assert plain.tactic is None and plain.candidate != candidate


def test_a_tactic_that_spills_gives_way_and_one_that_is_gone_is_an_error() -> None:
    module, (op, *_) = convolutions(1)
    tactics, candidate = tactics_for(module, op, 2)
    name = kernel_name(request_of(module, op, REFERENCE), candidate.family, candidate.config)
    spilled = Spilled(kernels={name: "spills 8 bytes"})
    planned = KernelChooser(module, REFERENCE, cheapest, spilled, tactics).plan(
        op.body.block, op.reads, op.writes
    )
    assert planned.tactic is None and planned.candidate != candidate and planned.instead
    gone = {signature: replace(tactic, family="gone") for signature, tactic in tactics.items()}
    with pytest.raises(GoneTacticError, match="is no candidate for this kernel: gone"):
        KernelChooser(module, REFERENCE, cheapest, None, gone).plan(op.body.block, op.reads, op.writes)


def test_the_forecast_is_what_is_planned() -> None:
    module, (op, *_) = convolutions(1)
    chooser = KernelChooser(module, REFERENCE, cheapest)

    def is_weight(value: Value) -> bool:
        return isinstance(value.producer, Buffer) and value.producer.space == "weights"

    reads, writes = [v.type for v in op.reads], [v.type for v in op.writes]
    forecast = chooser.forecast(op.body.block, reads, writes, [is_weight(v) for v in op.reads])
    assert forecast == chooser.plan(op.body.block, op.reads, op.writes).candidate


def test_a_region_is_copied_for_other_layouts() -> None:
    _, (op, *_) = convolutions(1)
    types = [TensorType(value.type.shape, F32) for value in op.body.block.arguments]
    types[0] = types[0].with_layout(channels_last(4))
    before = [value.type for value in op.body.block.arguments]
    copy = lying_as(op.body.block, types)
    assert [value.type for value in copy.arguments] == types
    assert [value.type for value in op.body.block.arguments] == before
    assert types[1].layout == ROW_MAJOR
