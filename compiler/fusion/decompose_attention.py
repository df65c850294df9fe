"""decompose-attention: attention without a fused kernel becomes two matrix products around a softmax.

There are attention kernels for f32 and, with tensor cores, for 16-bit floats, for heads of a static and
moderate size and masks of these types or of booleans. Attention of sequences without padding has no parts:
without a kernel it is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...codegen.interface import ArchSpec, families
from ...dialects.core.diagnostics import op_error
from ...dialects.core.dtypes import BOOL
from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.attention import Attention
from ...dialects.graph.binary import Add, Equal, Mul
from ...dialects.graph.constants import constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.trilu import Trilu
from ...dialects.graph.softmax import Softmax
from ...dialects.graph.trigonometric import Tanh
from ...dialects.graph.unpadded_attention import UnpaddedAttention
from ...errors import UnsupportedError
from ..passes.manager import PassContext
from ..patterns.rewrite import Pattern, Rewriter, pattern, rewrite
from ..settings.policy import PrecisionPolicy


@pattern("attention-parts", Attention)
def attention_parts(op: Attention, rewriter: Rewriter) -> bool:
    """attention{scale}(q, k, v, mask) => matmul(softmax(scale * matmul(q, transpose(k)) + mask), v)

    Scores with a cap are divided by it, and multiplied by it behind a tanh.
    A guarded op gives keys with a score of minus infinity the weight 0, even in rows with no other keys.
    """
    scores = rewriter.insert(Matmul(op.q, op.k, transpose_b=True)).result
    scale = _number(op.scale / (op.cap or 1.0), scores, rewriter)
    scores = rewriter.insert(Mul(scores, scale)).result
    if op.cap:
        capped = rewriter.insert(Tanh(scores)).result
        scores = rewriter.insert(Mul(capped, _number(op.cap, capped, rewriter))).result
    scores = _masked(op, scores, rewriter)
    weights = rewriter.insert(Softmax(scores, axis=scores.type.rank - 1)).result
    if op.guarded:
        out = rewriter.insert(Equal(scores, _number(-np.inf, scores, rewriter))).result
        weights = rewriter.insert(Where(out, _number(0.0, weights, rewriter), weights)).result
    product = Matmul(weights, op.v, accumulate=op.accumulate, types=[op.y.type])
    rewriter.replace(op, rewriter.insert(product).result)
    return True


def _number(value: float, like: Value, rewriter: Rewriter) -> Value:
    return rewriter.insert(constant(rewriter.module, np.asarray(value, like.type.dtype.numpy))).result


def _masked(op: Attention, scores: Value, rewriter: Rewriter) -> Value:
    """SCORES with OP's mask applied and, if OP is causal, minus infinity for keys after the query."""
    mask = op.mask
    if mask is not None and mask.type.dtype == BOOL:
        scores = rewriter.insert(Where(mask, scores, _number(op.fill, scores, rewriter))).result
    elif mask is not None:
        if mask.type.dtype != scores.type.dtype:
            mask = rewriter.insert(Cast(mask, to=scores.type.dtype)).result
        scores = rewriter.insert(Add(scores, mask)).result
    if op.causal:
        true = rewriter.insert(constant(rewriter.module, np.ones((1, 1), bool))).result
        square = rewriter.insert(Expand(true, shape=op.scores[-2:])).result
        seen = rewriter.insert(Trilu(square, upper=False)).result
        scores = rewriter.insert(Where(seen, scores, _number(-np.inf, scores, rewriter))).result
    return scores


PATTERNS = (attention_parts,)
NEEDED = "it takes heads of at most 128 features; build the model with padding"


@dataclass(frozen=True)
class DecomposeAttention:
    """Decomposes every attention that TARGET has no kernel for under the context's policy."""

    target: ArchSpec
    name: ClassVar[str] = "decompose-attention"

    def run(self, module: Module, context: PassContext) -> Module:
        def apply(op: Attention, rewriter: Rewriter) -> bool:
            return not has_kernel(op, context.policy, self.target) and attention_parts.apply(op, rewriter)

        rewrite(module, [Pattern(attention_parts.name, (Attention,), apply)], marked=True)
        for op in module.walk():
            if isinstance(op, UnpaddedAttention) and not has_kernel(op, context.policy, self.target):
                text = f"there is no kernel for it on {self.target.name} in {context.policy.name}"
                raise UnsupportedError.of(op_error(op, text, NEEDED).diagnostic)
        return module


def has_kernel(op: Attention, policy: PrecisionPolicy, target: ArchSpec) -> bool:
    """True when an attention kernel of TARGET can run OP on operands as POLICY stores them."""
    dtype = policy.format_of(op).stored(op.q.type.dtype)
    return any(family.runs_on(target) and family.attends(op, dtype) for family in families().values())
