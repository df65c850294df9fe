"""assign-streams: launches on several streams wait for what they need, and share no memory meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.schedule.streams.assign import AssignStreams
from glassrt.compiler.settings.options import Options
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net
from hypothesis import given, settings

from ....property.graphs import nets

LEVELS = ("graph", "fused", "precision", "launch")


def lowered(module: Module, streams: int, **switches: frozenset[str]) -> tuple[Module, list[Record]]:
    """MODULE at the launch level, every pass held against the interpreter, with the pass's records.

    Launches are not grouped, so that there are some to be spread over streams.
    """
    off = switches.pop("disabled", frozenset()) | {"group-launches"}
    options = Options(streams=streams)
    context = PassContext(ALL_DIALECTS, options=options, disabled=off, **switches)  # type: ignore[arg-type]
    steps = [step for level in LEVELS for step in passes_to(level, REFERENCE)]
    module = PassManager(steps, context, verify_each="semantics").run(module)
    return module, [record for record in context.ledger if record.rule == "concurrency"]


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def branches(width: int, depth: int, size: int = 8) -> Module:
    """WIDTH chains of DEPTH convolutions from one input, with windows of their own, joined at the end."""
    net = Net()
    x = net.input("x", 1, 8, size, size)
    ends: list[Value] = []
    for branch in range(width):
        value = x
        for _ in range(depth):
            value = net.add(Relu, net.bias(net.conv(value, 8, 2 * branch + 1)))
        ends.append(value)
    return net.done(net.add(MaxPool, net.add(Concat, *ends, axis=1), kernel=[2, 2]))


class TestLaunches:
    def test_branches_run_side_by_side(self) -> None:
        module, (record,) = lowered(branches(2, 3), 2)
        assert record.verdict is Verdict.TAKEN
        assert record.reason.endswith("as requested")
        streams = [op.stream for op in launches(module)]
        assert streams.count(0) > 1
        assert streams.count(1) > 1
        # One chain forks off and one wait joins it.
        assert sum(len(op.waits) for op in launches(module)) <= 3
        assert not any(op.pdl for op in launches(module) if op.waits)

    def test_it_is_left_alone_unless_it_pays(self) -> None:
        chain, (record,) = lowered(branches(1, 3), 0)
        assert record.verdict is Verdict.REFUSED
        assert {op.stream for op in launches(chain)} == {0}
        wide, (record,) = lowered(branches(4, 4), 0)
        assert record.verdict is Verdict.TAKEN
        saved = 1 - float(record.figures["microseconds_concurrent"]) / float(
            record.figures["microseconds_serial"]
        )
        assert saved >= 0.05
        assert len({op.stream for op in launches(wide)}) == record.figures["streams"]

    def test_one_stream_and_the_switch_keep_the_sequence(self) -> None:
        plain, records = lowered(branches(3, 2), 1)
        assert not records
        off, (record,) = lowered(branches(3, 2), 3, disabled=frozenset({"concurrency"}))
        assert record.verdict is Verdict.DISABLED
        assert print_module(off) == print_module(plain)

    def test_memory_of_concurrent_branches_is_apart(self) -> None:
        module, _ = lowered(branches(4, 4), 4)
        assert not list(faults(module))
        text = print_module(module)
        assert print_module(parse_module(text, ALL_DIALECTS, module.resources)) == text

    def test_every_wait_is_needed_by_the_proof(self) -> None:
        module, _ = lowered(branches(4, 4), 4)
        for op in launches(module):
            for wait in op.waits:
                kept, op.waits = op.waits, tuple(other for other in op.waits if other != wait)
                assert list(faults(module))
                op.waits = kept

    @pytest.mark.parametrize("streams", [2, 3])
    @given(module=nets())
    @settings(deadline=None, max_examples=25)
    def test_random_nets_keep_their_meaning_on_any_number_of_streams(
        self, streams: int, module: Module
    ) -> None:
        done, _ = lowered(module, streams)
        assert not list(faults(done))
        assert max((op.stream for op in launches(done)), default=0) < streams

    def test_parts_of_one_buffer_are_no_reason_to_wait(self) -> None:
        net = Net()
        x, z = net.input("x", 1, 8, 8, 8), net.input("z", 1, 8, 8, 8)
        a, b = (net.add(Relu, net.bias(net.conv(v, 8))) for v in (x, z))
        module = net.done(net.add(Add, net.conv(net.add(Concat, a, b, axis=1), 8), net.weights(8, 1, 1)))
        module, _ = lowered(module, 2)
        first, second, *_ = [op for op in launches(module) if "conv" in " ".join(op.location.nodes)]
        assert {first.stream, second.stream} == {0, 1}
        assert not first.waits or not second.waits


def test_passes_stand_before_the_proof() -> None:
    names = [step.name for step in passes_to("launch", REFERENCE)]
    assert any(pair == ("group-launches", "assign-streams") for pair in pairwise(names))
    assert any(pair == ("assign-streams", "check-launch") for pair in pairwise(names))
    assert AssignStreams(REFERENCE).name in names
