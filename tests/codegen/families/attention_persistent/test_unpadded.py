"""Persistent attention over sequences without padding, on the host and on a GPU."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.attention_persistent.config import PersistentAttentionConfig
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.driver.build import present_arch
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.printer import print_module
from glassrt.runtime.engine import Engine

from ..attention.checked import DEVICES
from ..attention.unpadded import RANGES, check_each_sequence, module_of
from .checked import taking

SOME = {name: SymbolRange(1, known.optimum, known.maximum) for name, known in RANGES.items()}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "config",
    [PersistentAttentionConfig(2, 64, 2, 2), PersistentAttentionConfig(1, 128, 2, 1)],
    ids=str,
)
def test_each_sequence_attends_to_itself(config: PersistentAttentionConfig, device: str) -> None:
    """On few multiprocessors, so that blocks take several items, and pass by others."""
    module = module_of(F16, ranges=SOME)
    found = present_arch() if device == "cuda" else REFERENCE
    assert found is not None
    target = replace(found, card=replace(found.card, multiprocessors=4))
    launch = precision_to_launch(module, target, taking(asdict(config)))
    levels = {"graph": "", "fused": "", "precision": print_module(module), "launch": print_module(launch)}
    plan = assemble(launch, levels, [], BuildOptions((target,)))
    with Engine(plan, device) as engine:
        check_each_sequence(engine, module, F16)
