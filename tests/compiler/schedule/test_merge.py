"""One launch in the place of two."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families
from glassrt.compiler.kernels.choice import KernelChooser, cheapest
from glassrt.compiler.schedule.chaining.draft import drafted
from glassrt.compiler.schedule.merge import merged
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.launch import kernels_in
from glassrt.testing.net import Net

from .chaining.test_draft import launches


@pytest.mark.parametrize("reduced", [64, 48])
def test_operands_and_formats(reduced: int) -> None:
    net = Net()
    value = net.input("x", 2, 64, 6, 6)
    for count in (128, reduced):
        value = net.add(Relu, net.bias(net.conv(value, count, 1)))
    module = net.done(net.add(Relu, net.conv(value, 16)))
    found = launches(module)
    draft = drafted(found[1], found[2])
    assert draft is not None
    planned = KernelChooser(module, REFERENCE, cheapest).plan(draft.region, draft.reads, draft.writes)
    reads, writes = draft.reads, draft.writes
    names = {node for op in draft.ops for node in op.location.nodes}
    block = draft.first.parent
    assert block is not None
    made = merged(draft, planned)
    assert list(kernels_in(block)) == [found[0], made, *found[3:]]
    assert (list(made.reads), list(made.writes)) == (reads, writes)
    assert families()[made.family].chains and made.executed == made.compute == found[0].compute
    assert set(made.location.nodes) == names and made.scratch == 0
