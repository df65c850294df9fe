"""Attention over sequences that lie behind one another, without padding between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import DIM
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I32
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute, define_op, operand
from ..core.types import TensorType
from .attention import SOFTMAX_FLOPS, Attention
from .base import same_size
from .numeric import Array


@define_op()
class UnpaddedAttention(Attention):
    """Attention whose rows are the tokens of several sequences, each of which attends to itself alone
    (FlashAttention's `varlen` form).

    q [.., T, D], k [.., T, D] and v [.., T, E] give [.., T, E]; offsets [N + 1], i32, are where the sequences
    begin: 0 first, none less than the one before it, and the last one, at most T, is where the last sequence
    ends. Rows behind it are zeros. No sequence has more than `longest` tokens. There is no mask; `causal` is
    within a sequence.
    """

    name = "graph.unpadded_attention"
    offsets = operand()
    longest = attribute(DIM)

    @property
    def sequences(self) -> Dim:
        """The number of sequences."""
        return self.offsets.type.shape[0] - 1

    def infer(self) -> Sequence[TensorType]:
        found = super().infer()
        if self.mask is not None:
            raise op_error(self, "it has no mask", at=operand_at(self, self.mask))
        offsets = self.offsets.type
        if offsets.dtype != I32 or offsets.rank != 1:
            text = f"its offsets are {offsets}, a list of {I32} is expected"
            raise op_error(self, text, at=operand_at(self, self.offsets))
        queries, keys = self.q.type.shape[-2], self.k.type.shape[-2]
        same_size(self, queries, keys, f"there are {queries} queries for {keys} keys")
        return found

    def evaluate(  # type: ignore[override]
        self, evaluation: Evaluation, q: Any, k: Any, v: Any, mask: Any, offsets: Any
    ) -> Array:
        *leading, rows = np.broadcast_shapes(q.shape[:-1], k.shape[:-1], v.shape[:-1])
        result = np.zeros((*leading, rows, v.shape[-1]), self.y.type.dtype.numpy)
        for begin, end in self.spans(offsets, rows, evaluation.dim(self.longest)):
            part = (..., slice(begin, end), slice(None))
            result[part] = super().evaluate(evaluation, q[part], k[part], v[part])
        return result

    @staticmethod
    def spans(offsets: Array, rows: int, longest: int) -> list[tuple[int, int]]:
        """Where each sequence begins and ends among ROWS; offsets that are none are limited, as kernels
        do it, so that nothing outside is read."""
        ends = np.clip(offsets.astype(np.int64), 0, rows)
        starts = ends[:-1]
        return list(zip(starts, np.clip(ends[1:], starts, starts + longest), strict=True))

    def flops(self) -> Dim:
        depth = self.q.type.shape[-1] + self.v.type.shape[-1]
        longest: Dim = self.longest
        return product(self.scores[:-1]) * longest * (depth * 2 + SOFTMAX_FLOPS)


OPS: tuple[type[Operation], ...] = (UnpaddedAttention,)
