"""Prologue fusion: which ops a contraction may compute on its first operand while loading it.

    conv(relu(x * s + t), w)        =>  one kernel that reads x
    conv(cast(x), w)                =>  one kernel that reads x in the type in which it is stored
    matmul(gather(table, rows), w)  =>  one kernel that reads rows of the table

`codegen/families/contraction/prologue.py` says what the kernels can read and compute. Every block that loads
an element recomputes its prologue, so a prologue must be cheap and rarely repeated. A value that depends on
the row alone is computed once for each row of a tile.
"""

from __future__ import annotations

from ....codegen.interface import NoPrologue, Prologue, Varies, needs_k_innermost, read_prologue
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.ir import Operation
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ...patterns.layouts import is_neutral, padded_channels, reads_any_layout
from ...settings.policy import PrecisionPolicy
from . import prologue_worth
from .clusters import Cluster, ClusterPlan, shape_text, viewed
from .record import Refusal

MEMORY = Refusal("a contraction reads its operands from memory")


class Prologues:
    """Decides on prologues in one function: first legality, then the cost model."""

    def __init__(self, plan: ClusterPlan, policy: PrecisionPolicy) -> None:
        self._plan = plan
        self._policy = policy
        self._sizes = plan.module.values_at("optimum")
        self._returned = {viewed(value) for value in plan.block.terminator.inputs}

    def refusal(self, cluster: Cluster, op: Operation) -> Refusal | None:
        """Why OP, whose consumers are all in CLUSTER, cannot join its prologue; None when it can."""
        seed = cluster.seed
        if not isinstance(seed, (Conv, Matmul)):
            return MEMORY
        refusal = self._place(op, seed)
        if refusal is not None:
            return refusal
        order = self._plan.order
        before = (o for o in cluster.ops if order[o] < order[seed])
        inside = [o for o in before if o not in cluster.beside] + [op]
        prologue = read_prologue(seed, set(inside).__contains__)
        if isinstance(prologue, NoPrologue):
            return Refusal(prologue.reason, prologue.figures)
        return (
            self._role(op, seed, prologue)
            or self._kind(seed)
            or self._memory(seed, prologue)
            or self._worth(seed, prologue, inside)
        )

    def _place(self, op: Operation, seed: Operation) -> Refusal | None:
        """Why the readers of OP keep it out: they must be in the prologue, or SEED by its first operand."""
        for user, index in op.result.uses:
            if self._plan.order[user] > self._plan.order[seed]:
                return Refusal("the epilogue reads it, too")
            if user is seed and index != 0:
                return Refusal("only the first operand of a contraction may have a prologue")
        return None

    def _role(self, op: Operation, seed: Operation, prologue: Prologue) -> Refusal | None:
        """Check how OP varies: a prologue computes per element, per row and indices, but not per k alone."""
        if op in prologue.indices or Varies.of(op.result, seed) in (Varies.EVERYWHERE, Varies.ROWS):
            return None
        shape = shape_text(op.result.type.shape)
        return Refusal("it has another shape than the operand", {"shape": shape})

    def _kind(self, seed: Conv | Matmul) -> Refusal | None:
        """Check that a kernel with prologues exists for SEED: floats of at most 32 bits, not depthwise, or an
        image of few channels."""
        if self._reads_image(seed):
            return None
        dtype = seed.inputs[0].type.dtype
        if not dtype.is_float or dtype.bits > F32.bits:
            return Refusal(f"no designed kernel multiplies {dtype} with a prologue")
        multiply = self._policy.format_of(seed).multiplied(dtype)
        if isinstance(seed, Matmul) and seed.transpose_a and needs_k_innermost(multiply):
            return Refusal("the first operand must be K-major")
        if isinstance(seed, Conv):
            if seed.groups > 1 and seed.w.type.shape[1] == 1:
                return Refusal("depthwise kernels read their input as it is")
            if padded_channels(seed, self._policy.format_of(seed).stored(dtype), self._plan.target):
                return Refusal("the input's channels are padded to whole words")
        return None

    def _reads_image(self, seed: Operation) -> bool:
        """Whether SEED is a convolution that reads its image in any layout, and every pixel about once."""
        operands = self._policy.format_of(seed).stored(seed.inputs[0].type.dtype)
        return reads_any_layout(seed, operands, self._plan.target)

    def _memory(self, seed: Operation, prologue: Prologue) -> Refusal | None:
        """Check that the streamed tensor lies in memory, in the layout that the kernel reads."""
        root = viewed(prologue.streamed).producer
        if isinstance(root, Constant) and prologue.gather is None:
            return Refusal("the tensor it reads is a constant")
        laid_out = isinstance(seed, Conv) and not is_neutral(seed.x.type) and not self._reads_image(seed)
        if root is None and laid_out:
            return Refusal("a kernel converts the layout of the model's input anyway")
        return None

    def _worth(self, seed: Conv | Matmul, prologue: Prologue, inside: list[Operation]) -> Refusal | None:
        full = [
            o for o in inside if o not in prologue.indices and Varies.of(o.result, seed) is Varies.EVERYWHERE
        ]
        multiplied = self._policy.format_of(seed).stored(prologue.operand.type.dtype)
        stored, target = self._stored(seed, prologue), self._plan.target
        once = self._reads_image(seed)
        return prologue_worth.refusal(seed, full, stored, multiplied, self._sizes, target, once=once)

    def _stored(self, seed: Operation, prologue: Prologue) -> DType:
        """The type in which the streamed tensor will be stored: the format of its producer decides."""
        value = viewed(prologue.streamed)
        own, maker = value.type.dtype, value.producer
        if maker is None or value in self._returned:
            return own
        # A constant table is stored in the format of its only consumer.
        return self._policy.format_of(seed if isinstance(maker, Constant) else maker).stored(own)
