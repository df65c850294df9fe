"""Counts of n-grams in rows of numbers, for TfIdfVectorizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import INT
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import F32, I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp


@define_op()
class NgramCounts(GraphOp):
    """How often each n-gram occurs in each row: x [B, C], ngrams [G, n], both integers, give [B, G] in f32.

    The elements of an n-gram lie 1 to DISTANCES apart in a row, all equally far.
    """

    name = "graph.ngram_counts"
    x = operand()
    ngrams = operand()
    distances = attribute(INT, 1)
    y = result()

    @property
    def length(self) -> int:
        """n."""
        n = self.ngrams.type.shape[-1] if self.ngrams.type.rank == 2 else 0
        if not isinstance(n, int) or n < 1:
            message = f"the n-grams are {self.ngrams.type}, [count, length] is expected"
            raise op_error(self, message, at=operand_at(self, self.ngrams))
        return n

    def infer(self) -> Sequence[TensorType]:
        for value in (self.x, self.ngrams):
            if not value.type.dtype.is_integer or value.type.rank != 2:
                message = f"{value.type} is not a matrix of integers"
                raise op_error(self, message, at=operand_at(self, value))
        if self.distances < 1 or self.length < 1:
            raise op_error(self, f"{self.distances} distances are given", at=AttributeAt("distances"))
        return [TensorType((self.x.type.shape[0], self.ngrams.type.shape[0]), F32)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        row, gram = index
        size = self.x.type.shape[1]
        one, zero = (scalars.const(number, F32) for number in (1.0, 0.0))
        wanted = [scalars.cast(scalars.load(self.ngrams, (gram, place)), I64) for place in range(self.length)]

        def body(at: Index) -> Expr:
            distance, start = at[0] + 1, at[1]
            inside = scalars.inside(start + distance * (self.length - 1), 0, size)
            found = [
                scalars.apply(
                    "eq", scalars.cast(scalars.load(self.x, (row, start + distance * place)), I64), want
                )
                for place, want in enumerate(wanted)
            ]
            same = scalars.every(found)
            assert same is not None  # an n-gram has elements
            return scalars.select(inside, scalars.select(same, one, zero), zero)

        return scalars.reduce("sum", (self.distances, size), body)

    def evaluate(self, evaluation: Evaluation, x: Any, ngrams: Any) -> Any:
        wide, wanted = x.astype(np.int64), ngrams.astype(np.int64)
        counts: Array = np.zeros((len(x), len(ngrams)), np.float32)
        for distance in range(1, self.distances + 1):
            starts = x.shape[1] - distance * (self.length - 1)
            for start in range(starts):
                here = wide[:, start : start + distance * (self.length - 1) + 1 : distance]
                counts += (here[:, None] == wanted).all(axis=-1)
        return counts

    def flops(self) -> Dim:
        places: Dim = self.x.type.shape[1] * self.distances
        return self.y.type.elements * places * self.length


OPS = (NgramCounts,)
