"""join-caches: attention and the writes of its caches as one launch."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.registry import families
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.schedule.enclosing.record import JOIN_CACHES
from glassrt.dialects.launch import kernels_in

from .cached_networks import CachedNetwork
from .networks import launched


@pytest.mark.parametrize(
    ("network", "launches"),
    [
        (CachedNetwork(), 1),
        (CachedNetwork(turned=False), 1),
        (CachedNetwork(read=True), 2),
        (CachedNetwork(masked=True), 2),  # it has the place of the last launch, behind the mask
    ],
    ids=str,
)
def test_writes_are_part_of_attention(network: CachedNetwork, launches: int) -> None:
    module, _ = launched(network.module())
    kernels = list(kernels_in(module.main.block))
    (attention,) = (op for op in kernels if families()[op.family].caches)
    assert len(kernels) == launches and not list(faults(module))
    assert attention.outputs == 3 and attention.compute is not None and attention.compute.name == "f16"


@pytest.mark.parametrize(
    ("network", "switches", "verdict"),
    [
        (CachedNetwork(tokens=2), {}, Verdict.REFUSED),
        (CachedNetwork(), {"disabled": frozenset({JOIN_CACHES})}, Verdict.DISABLED),
        (CachedNetwork(in_place=False), {}, None),  # there is nothing to decide
    ],
    ids=["two tokens", "switched off", "not in place"],
)
def test_what_stays_apart(
    network: CachedNetwork, switches: dict[str, object], verdict: Verdict | None
) -> None:
    module, context = launched(network.module(), **switches)
    found = [record.verdict for record in context.ledger if record.rule == JOIN_CACHES]
    assert found == ([] if verdict is None else [verdict])
    assert len(list(kernels_in(module.main.block))) > 1
