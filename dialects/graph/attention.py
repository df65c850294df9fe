"""Scaled dot-product attention as one op."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import BOOL as FLAG
from ..core.attributes import DTYPE
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import DType
from ..core.interpreter import Evaluation
from ..core.ir import Operation
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, broadcast_shapes, same_dtype, same_size
from .elementwise_base import FLOAT, check_kind, parameter
from .numeric import Array, compute_dtype, converted, widened

FAR = 1024 * math.log(2)  # if q and the mask share a 16-bit type, scores beyond this are rounded to it
SOFTMAX_FLOPS = 5  # per score: scaling, maximum, difference, exponential, sum


@define_op()
class Attention(GraphOp):
    """softmax(scale * q k^T + mask) v over the last two dimensions (the core of ONNX Attention; Vaswani et
    al., "Attention Is All You Need").

    q [.., S, D], k [.., T, D], v [.., T, E] give [.., S, E]; leading dimensions broadcast. The mask
    broadcasts to the scores [.., S, T]: a float mask is added; where a boolean mask is false the score
    becomes `fill`. Where `cap` is positive, scores are capped before they are masked: cap * tanh(score /
    cap). With `causal`, query i attends only to keys 0 to i. A query whose scores are all minus infinity
    gives NaN, as softmax does; with `guarded` its weights are zeros, and so are its results, but for features
    of which a value is not finite. Without any keys (T = 0) the results are 0.

    Scores and accumulators are at least f32, and so is the result if `accumulate` says so; the weights are
    rounded to v's type before they are multiplied with v. Where q and an added mask share a 16-bit type, the
    model rounds their sum to it: so the scores of a query whose largest score is beyond FAR, as it is when
    all keys are masked, are rounded to that type.
    """

    name = "graph.attention"
    q = operand()
    k = operand()
    v = operand()
    mask = optional_operand()
    y = result()
    scale = parameter(1.0)
    causal = attribute(FLAG, False)
    guarded = attribute(FLAG, False)
    fill = parameter(-math.inf)
    cap = parameter(0.0)
    accumulate = attribute(DTYPE, None)

    @property
    def scores(self) -> tuple[Dim, ...]:
        """The shape of the scores, [.., S, T]."""
        q, k, v = self.q.type.shape, self.k.type.shape, self.v.type.shape
        leading = broadcast_shapes(self, [q[:-2], k[:-2], v[:-2]], trailing=2)
        return (*leading, q[-2], k[-2])

    @property
    def sum_dtype(self) -> DType:
        """The type of scores and accumulators."""
        return self.accumulate or compute_dtype(self.q.type.dtype)

    @property
    def rounds_sums(self) -> bool:
        """Whether the sum of scores and mask has a 16-bit type in the model."""
        dtype = self.q.type.dtype
        return self.mask is not None and self.mask.type.dtype == dtype and compute_dtype(dtype) != dtype

    def infer(self) -> Sequence[TensorType]:
        q, k, v = self.q.type, self.k.type, self.v.type
        check_kind(self, self.q, FLOAT)
        same_dtype(self, [q, k, v])
        if min(q.rank, k.rank, v.rank) < 2:
            raise op_error(self, "its operands need at least two dimensions")
        features, keys = (q.shape[-1], k.shape[-1]), (k.shape[-2], v.shape[-2])
        same_size(
            self,
            *features,
            f"queries have {features[0]} features, keys {features[1]}",
            operand_at(self, self.k),
        )
        same_size(self, *keys, f"there are {keys[0]} keys for {keys[1]} values", operand_at(self, self.v))
        self._check_mask()
        if not 0 <= self.cap < math.inf:
            raise op_error(self, f"scores cannot be capped at {self.cap}", at=AttributeAt("cap"))
        return [TensorType((*self.scores[:-1], v.shape[-1]), self.accumulate or q.dtype)]

    def _check_mask(self) -> None:
        """Raise a located error unless the mask broadcasts to the scores."""
        if self.mask is None:
            return
        check_kind(self, self.mask, (*FLOAT, "bool"))
        if broadcast_shapes(self, [self.scores, self.mask.type.shape]) != self.scores:
            raise op_error(
                self,
                f"the mask {self.mask.type} does not broadcast to the scores",
                at=operand_at(self, self.mask),
            )

    def evaluate(self, evaluation: Evaluation, q: Any, k: Any, v: Any, mask: Any = None) -> Array:
        wide = self.sum_dtype.numpy
        with np.errstate(all="ignore"):
            scores = np.matmul(q.astype(wide), np.swapaxes(k, -1, -2).astype(wide))
            scores = self._masked(self._capped(scores * wide.type(self.scale)), mask)
            if self.rounds_sums:
                scores = _rounded_far(scores, self.q.type.dtype)
            largest = np.max(scores, -1, keepdims=True, initial=-np.inf)
            powers = np.exp(scores - np.where(largest == -np.inf, wide.type(0), largest))
            total = np.sum(powers, -1, np.float64, keepdims=True)
            rounded = converted(powers, self.v.type.dtype).astype(wide)
            if self.guarded or scores.shape[-1] == 0:
                total = np.where(total == 0, 1.0, total)
            sums = np.matmul(rounded, v.astype(wide)) / total
            return converted(sums.astype(wide), self.y.type.dtype)

    def _capped(self, scores: Array) -> Array:
        limit = scores.dtype.type(self.cap)
        return np.asarray(limit * np.tanh(scores / limit)) if self.cap > 0 else scores

    def _masked(self, scores: Array, mask: Any) -> Array:
        """SCORES with the mask added, and minus infinity for masked keys."""
        if mask is not None and mask.dtype == np.bool_:
            scores = np.where(mask, scores, scores.dtype.type(self.fill))
        elif mask is not None:
            scores = scores + widened(mask).astype(scores.dtype)
        if self.causal:
            scores = np.where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, scores.dtype.type(-np.inf))
        return np.asarray(scores)

    def flops(self) -> Dim:
        depth = self.q.type.shape[-1] + self.v.type.shape[-1]
        return product(self.scores) * (depth * 2 + SOFTMAX_FLOPS)


def _rounded_far(scores: Array, dtype: DType) -> Array:
    """SCORES, with the rows whose largest score exceeds FAR rounded to DTYPE."""
    largest = np.max(scores, -1, keepdims=True, initial=-np.inf)
    rounded = converted(scores, dtype).astype(scores.dtype)
    return np.where(np.abs(largest) > FAR, rounded, scores)


OPS: tuple[type[Operation], ...] = (Attention,)
