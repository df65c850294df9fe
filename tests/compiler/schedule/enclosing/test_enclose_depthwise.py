"""enclose-depthwise: which launches become one, which stay apart and why, with the same results."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from glassrt.codegen.families.inverted_residual.family import priced
from glassrt.codegen.families.registry import families
from glassrt.compiler.checking.accuracy import measure
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.passes.spilled import Spilled
from glassrt.compiler.schedule.enclosing.record import ENCLOSE_DEPTHWISE
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.runtime.engine import Engine

from ....property.groups import lowered, on_host, plan_of
from .networks import inverted, launched

PRICE = "glassrt.codegen.families.inverted_residual.family.microseconds"


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == ENCLOSE_DEPTHWISE]


def enclosing(module: Module) -> list[Kernel]:
    return [op for op in kernels_in(module.main.block) if families()[op.family].encloses]


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels of inverted residuals take no time, so that they are chosen wherever there are any."""
    yield from at_price(monkeypatch, 0.0)


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They take a second."""
    yield from at_price(monkeypatch, 1e6)


def at_price(monkeypatch: pytest.MonkeyPatch, microseconds: float) -> Iterator[None]:
    monkeypatch.setattr(PRICE, lambda *_: microseconds)
    priced.cache_clear()
    yield
    priced.cache_clear()


def test_large_ones_are_one_launch_and_leave_no_buffers() -> None:
    module, context = launched(inverted(32, 56))
    (op,) = enclosing(module)
    assert op.outputs == 1 and not list(faults(module))
    (taken,) = of_rule(context)
    assert taken.verdict is Verdict.TAKEN and taken.figures["launches_saved"] == 2
    assert taken.figures["bytes_saved"] == 2 * 2 * 32 * 56 * 56 * 144 * 2
    assert "apart" in taken.reason


@pytest.mark.usefixtures("dear")
def test_what_saves_too_little_stays_apart() -> None:
    module, context = launched(inverted())
    assert not enclosing(module)
    assert [record.verdict for record in of_rule(context)] == [Verdict.REFUSED]
    assert of_rule(context)[0].reason.endswith("is saved")


@pytest.mark.usefixtures("cheap")
def test_results_are_those_of_launches_apart() -> None:
    apart, _ = lowered(inverted(count=2), "fp16", disabled=frozenset({ENCLOSE_DEPTHWISE}))
    module, context = lowered(inverted(count=2), "fp16")
    assert len(enclosing(module)) == 2 and not list(faults(module)) and not enclosing(apart)
    launches = [len(list(kernels_in(each.main.block))) for each in (apart, module)]
    assert launches[0] - launches[1] == 4 and len(of_rule(context)) == 2
    inputs = random_inputs(module, seed=3)
    together, single = on_host(module, inputs), on_host(apart, inputs)
    for name, array in together.items():
        np.testing.assert_allclose(array, single[name], rtol=2e-2, atol=2e-2)
    plan = plan_of(parse_module(print_module(module), ALL_DIALECTS, module.resources))
    with Engine(plan, "host") as engine:
        reports, _ = measure(engine, inputs, {}, None)
    assert all(report.excess(None) <= 1 for report in reports)


@pytest.mark.usefixtures("cheap")
def test_without_a_contraction_before_it_two_become_one() -> None:
    module, context = launched(inverted(expands=False))
    assert len(enclosing(module)) == 1
    assert of_rule(context)[0].figures["launches_saved"] == 1


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("read", ["expanded", "convolved"])
def test_what_others_read_is_stored(read: str) -> None:
    module, context = launched(inverted(read=read))
    found = enclosing(module)
    assert len(found) == (1 if read == "expanded" else 0) and not list(faults(module))
    assert all(op.kernel and len(of_rule(context)) == 1 for op in found)


@pytest.mark.usefixtures("cheap")
def test_switches() -> None:
    _, context = launched(inverted())
    (taken,) = of_rule(context)
    assert taken.split is not None
    first, second = taken.nodes[taken.split - 1], taken.nodes[taken.split]
    module, context = launched(inverted(), disabled=frozenset({ENCLOSE_DEPTHWISE}))
    assert [record.verdict for record in of_rule(context)] == [Verdict.DISABLED] and not enclosing(module)
    # Apart from the one before it, the convolution is joined with the one behind it.
    for switch in ({"keep": frozenset({first})}, {"barriers": frozenset({(first, second)})}):
        module, context = launched(inverted(), **switch)
        assert [record.figures["launches_saved"] for record in of_rule(context)] == [1]


@pytest.mark.usefixtures("cheap")
def test_kernels_that_spill_leave_launches_apart() -> None:
    spilled: dict[str, str] = {}
    for _ in range(40):
        module, context = launched(inverted(), spilled=Spilled(spilled))
        if not enclosing(module):
            break
        spilled |= {op.kernel: "spills 8 bytes" for op in enclosing(module)}
    assert "every kernel that computes them together spills registers" in of_rule(context)[0].reason
