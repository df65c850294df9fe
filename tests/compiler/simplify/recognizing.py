"""Runs the recognizing passes over what exporters spell out, and counts the ops that are left."""

from __future__ import annotations

from collections import Counter

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.compiler.simplify.cse import CommonSubexpressions
from glassrt.compiler.simplify.fold_constants import FoldConstants
from glassrt.compiler.simplify.recognize import Recognize
from glassrt.dialects.core.module import Module

from ..spellings import Onnx, Spelling

BEFORE = (FoldConstants(), Canonicalize(), CommonSubexpressions())
PASSES = (*BEFORE, Recognize(), Canonicalize())


def made(spelling: Spelling) -> Module:
    graph = Onnx()
    return graph.module(spelling(graph))


def run(module: Module, *passes: object, precision: str = "fp32") -> PassContext:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision))
    PassManager(passes, context, verify_each="semantics").run(module)  # type: ignore[arg-type]
    return context


def counts(module: Module) -> Counter[str]:
    names = (op.name.removeprefix("graph.") for op in module.main.block)
    return Counter(name for name in names if name not in ("constant", "core.return"))
