"""The networks of the onnx package: every contraction has a designed kernel, whatever is fused into it."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import BUILT_IN
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.launch import Kernel

from ...models import light_models


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", sorted(light_models()))
def test_no_contraction_is_left_to_plain_loops(name: str, precision: str) -> None:
    module = load_module(light_models()[name])
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    for level in LEVELS:
        passes = passes_to(level, REFERENCE)
        module = PassManager(passes, context).run(module)
    families = {
        member.family
        for op in module.main.block
        if isinstance(op, Kernel)
        for member in members_of(op)
        if any(has(inner, Trait.CONTRACTION) for inner in member.body)
    }
    assert families and all(BUILT_IN[family].designed for family in families)
