"""Pools of accumulators: what expected times and switches decide, and that the numbers stay."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.pools.contraction_pool import CONTRACTION_POOL
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.location import Location
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.launch import kernels_in

from .layers import lowered, pooling, stem

LARGE = 64


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_large_pool_is_taken_of_accumulators(precision: str) -> None:
    module, (record,) = lowered(stem(batch=LARGE, size=224), precision)
    assert record.verdict is Verdict.TAKEN and record.ops == ("graph.conv", "graph.max_pool")
    assert record.figures["microseconds_together"] < record.figures["microseconds_apart"]
    names = [op.name for op in pooling(module).body.block if not isinstance(op, Constant)]
    assert names == ["graph.cast", "graph.conv", "graph.max_pool", "graph.relu", "graph.cast", "core.yield"]
    launched = precision_to_launch(module, REFERENCE)
    first = next(iter(kernels_in(launched.main.block)))
    assert {"graph.conv", "graph.max_pool"} <= {op.name for op in first.body.block}


def test_the_rule_may_be_switched_off() -> None:
    module, (record,) = lowered(stem(batch=LARGE, size=224), disabled=frozenset({CONTRACTION_POOL}))
    assert record.verdict is Verdict.DISABLED and len(pooling(module).body.block) == 2


def test_what_may_not_be_fused_stays_apart() -> None:
    module = stem(batch=LARGE, size=224)
    for op in module.main.block:
        op.location = Location((op.name,))
    result, (record,) = lowered(module, barriers=frozenset({("graph.conv", "graph.max_pool")}))
    assert record.verdict is Verdict.DISABLED and len(pooling(result).body.block) == 2


@pytest.mark.parametrize("size", [32, 64, 224])
@pytest.mark.parametrize("batch", [1, 8])
def test_expected_times_decide(batch: int, size: int) -> None:
    module, (record,) = lowered(stem(batch=batch, size=size))
    faster = record.figures["microseconds_together"] < record.figures["microseconds_apart"]
    assert record.verdict is (Verdict.TAKEN if faster else Verdict.REFUSED)
    assert (len(pooling(module).body.block) > 2) == faster


def test_a_function_that_may_fall_stays_before_the_pool() -> None:
    module, (record,) = lowered(stem((lambda net, y: net.add(Sigmoid, y),), batch=LARGE, size=224))
    assert record.verdict is Verdict.REFUSED and "may decrease" in record.reason
    assert len(pooling(module).body.block) == 2


def test_no_kernel_takes_maxima_of_many_channels() -> None:
    _, (record,) = lowered(stem(batch=LARGE, channels=16))
    assert record.verdict is Verdict.REFUSED and "no kernel takes maxima" in record.reason


def test_other_pools_are_not_considered() -> None:
    assert not lowered(stem(batch=LARGE, strides=(1, 1)))[1]
