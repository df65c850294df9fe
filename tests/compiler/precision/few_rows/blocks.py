"""Feed-forward blocks of few rows for tests, lowered to the precision level."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Record
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.few_rows.few_rows import SUMMARIES, FewRows
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Swish
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.block_format import BlockFormat
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.normalization import RmsNorm
from glassrt.dialects.graph.packed import PackedMatmul
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

FORM = BlockFormat(4, 32, 16, False)


def block(
    rows: int = 1, width: int = 1024, hidden: int = 2048, twice: bool = False, packed: bool = False
) -> Module:
    """x + down(SiLU(gate) * up) of a norm of x; the norm in the place of x if it is to be read TWICE; weights
    of 4 bits if PACKED."""
    net, random = Net(), np.random.default_rng(0)

    def product(a: Value, depth: int, columns: int) -> Value:
        if not packed:
            return net.add(Matmul, a, net.weights(depth, columns))
        numbers = random.integers(0, 16, (columns, depth)).astype(np.uint8)
        words = FORM.packed(numbers, np.full((columns, depth // FORM.block), 2.0**-7), None)
        return net.add(PackedMatmul, a, net.const(words), columns=columns)

    x = net.input("x", rows, width)
    scale = net.const(np.linspace(0.5, 1.5, width, dtype=np.float32))
    normal = net.add(RmsNorm, x, scale, axis=1, epsilon=1e-5)
    gate, up = (product(normal, width, hidden) for _ in range(2))
    gated = net.add(Mul, net.add(Swish, gate), up)
    down = product(gated, hidden, width)
    return net.done(net.add(Add, normal if twice else x, down))


def lowered(
    module: Module, target: str = "sm_90a", merge: bool = True, **switches: Any
) -> tuple[Module, list[Record]]:
    """MODULE at the precision level in fp16, with the records about few rows; without the pass if asked."""
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy.named("fp16"), **switches)
    passes = passes_through("precision", arch_named(target))
    kept = tuple(step for step in passes if merge or step.name != FewRows.name)
    result = PassManager(kept, context, verify_each="ir").run(module)
    return result, [record for record in context.ledger if record.rule in SUMMARIES]


def kernels_of(module: Module) -> list[PrecisionKernel]:
    """The kernels of MODULE in order."""
    return [op for op in module.main.block if isinstance(op, PrecisionKernel)]
