"""Which elementwise ops a contraction may compute on its first operand while it loads it.

    conv(relu(x * s + t), w)  =>  one kernel that reads x

The kernels take one streamed tensor of the operand's own shape and storage type; whatever else is
read must vary along the summed axis alone (`codegen/kernels/contraction_family.py`). A prologue
is computed anew by every block that loads an element, so it must be cheap, and rarely repeated.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from ....codegen.kernels.contraction_family import summed_axis
from ....codegen.kernels.contraction_mma import needs_k_innermost
from ....dialects.core.affine import evaluate
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.ir import Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Conv, Matmul
from ...policy import PrecisionPolicy
from ..formats.storage import is_neutral, padded_channels
from .clusters import Cluster, Plan, shape_text, viewed
from .recompute import flops_per_element
from .record import Refusal

# Two scales and shifts, and an activation; anything transcendental is dearer than storing and loading.
PROLOGUE_FLOPS = 6.0
# Every element is loaded once per window tap and per column of tiles.
PROLOGUE_EVALUATIONS = 16.0
TILE_COLUMNS = 128

MEMORY = Refusal("a contraction reads its operands from memory")


class Prologues:
    """The legality and the worth of prologues in one function."""

    def __init__(self, plan: Plan, policy: PrecisionPolicy, enabled: bool) -> None:
        self._plan = plan
        self._policy = policy
        self._enabled = enabled
        self._sizes = plan.module.values_at("optimum")
        self._returned = {viewed(value) for value in plan.block.terminator.inputs}

    def refusal(self, cluster: Cluster, op: Operation) -> Refusal | None:
        """Why OP, all of whose readers are in CLUSTER, cannot be computed there."""
        seed = cluster.seed
        if not self._enabled or not isinstance(seed, (Conv, Matmul)):
            return MEMORY
        if not has(op, Trait.ELEMENTWISE):
            return Refusal(f"{op.name} is not elementwise")
        operand = seed.inputs[0]
        inside = [o for o in cluster.ops if self._plan.order[o] < self._plan.order[seed]] + [op]
        return (
            self._place(op, seed)
            or self._kind(seed)
            or self._streamed(operand, seed, inside)
            or self._worth(seed, inside)
        )

    def _place(self, op: Operation, seed: Operation) -> Refusal | None:
        """Readers before the seed are prologue ops; the seed itself may read OP as its first operand."""
        for user, index in op.result.uses:
            if self._plan.order[user] > self._plan.order[seed]:
                return Refusal("it is also read after the contraction")
            if user is seed and index != 0:
                return Refusal("only the first operand of a contraction may be computed on the way")
        if op.result.type.shape != seed.inputs[0].type.shape:
            return Refusal(
                "it has another shape than the operand", {"shape": shape_text(op.result.type.shape)}
            )
        return None

    def _kind(self, seed: Conv | Matmul) -> Refusal | None:
        """Kernels that have prologues multiply floats of up to 32 bits, and more than a channel a group."""
        dtype = seed.inputs[0].type.dtype
        if not dtype.is_float or dtype.bits > F32.bits:
            return Refusal(f"no designed kernel multiplies {dtype} with a prologue")
        multiply = self._policy.format_of(seed).multiplied(dtype)
        if isinstance(seed, Matmul) and seed.transpose_a and needs_k_innermost(multiply):
            return Refusal("the first operand must lie with k innermost")
        if isinstance(seed, Conv):
            if seed.groups > 1 and seed.w.type.shape[1] == 1:
                return Refusal("depthwise kernels read their input as it is")
            if padded_channels(seed, self._policy.format_of(seed).stored(dtype)):
                return Refusal("the input gets channels that fill its words")
        return None

    # ------------------------------------------------------------ what is read

    def _streamed(self, operand: Value, seed: Operation, inside: list[Operation]) -> Refusal | None:
        """Exactly one value of the operand's shape; all others vary along the summed axis alone."""
        outside = dict.fromkeys(v for o in inside for v in o.inputs if v.producer not in inside)
        full = [value for value in outside if value.type.shape == operand.type.shape]
        if len(full) != 1:
            return Refusal("a prologue reads one tensor of the operand's shape", {"tensors": len(full)})
        axis, rank = summed_axis(seed), operand.type.rank
        for value in outside:
            if value not in full and not _along(value, axis, rank):
                shape = shape_text(value.type.shape)
                return Refusal(
                    "it reads a value that varies along more than the summed axis", {"shape": shape}
                )
        return self._stored(full[0], operand, seed)

    def _stored(self, streamed: Value, operand: Value, seed: Operation) -> Refusal | None:
        """The streamed tensor must lie in memory in the type and layout that are multiplied."""
        root = viewed(streamed)
        if isinstance(root.producer, Constant) or streamed.type.dtype != operand.type.dtype:
            return Refusal(f"the tensor it reads is not stored as {operand.type.dtype}")
        given = root.producer is None
        if given and isinstance(seed, Conv) and not is_neutral(operand.type):
            return Refusal("an input of the model is laid out by a kernel anyway")
        format = self._policy.format_of(seed)
        if not given and self._policy.format_of(root.producer).storage != format.storage:
            return Refusal("an override stores the tensor it reads in another type")
        lowered = format.stored(operand.type.dtype) != operand.type.dtype
        if lowered and (given or root in self._returned):
            return Refusal(f"inputs and outputs of the model are not stored as {format.storage}")
        if lowered and self._overflows(seed, format.storage):
            return Refusal(f"a weight exceeds the range of {format.storage}")
        return None

    def _overflows(self, seed: Operation, storage: DType) -> bool:
        most = float(ml_dtypes.finfo(storage.numpy).max)
        for value in seed.inputs:
            if isinstance(value.producer, Constant):
                array = value.producer.array(self._plan.module)
                if array.size and float(np.abs(array).max()) > most:
                    return True
        return False

    # ------------------------------------------------------------ worth

    def _worth(self, seed: Conv | Matmul, inside: list[Operation]) -> Refusal | None:
        flops = sum(flops_per_element(o) for o in inside)
        if flops > PROLOGUE_FLOPS:
            return Refusal("it is too much work to be done while loading", {"flops": flops})
        evaluations = self._evaluations(seed)
        if evaluations > PROLOGUE_EVALUATIONS:
            figures = {"evaluations": evaluations}
            return Refusal(f"it would be computed {evaluations:.3g} times over", figures)
        return None

    def _evaluations(self, seed: Conv | Matmul) -> float:
        """How often an element of the first operand is loaded from memory or cache."""
        y = seed.result.type.shape
        if isinstance(seed, Matmul):
            return float(math.ceil(evaluate(y[-1], self._sizes) / TILE_COLUMNS))
        columns = math.ceil(evaluate(y[1], self._sizes) / seed.groups / TILE_COLUMNS)
        taps = math.prod(evaluate(size, self._sizes) for size in seed.w.type.shape[2:])
        read = self._plan.count(seed.x.type.shape[2:])
        return float(columns * max(taps * self._plan.count(y[2:]) / max(read, 1.0), 1.0))


def _along(value: Value, axis: int, rank: int) -> bool:
    """True when VALUE, broadcast to RANK dimensions, has a size other than 1 on AXIS at most."""
    shape = value.type.shape
    return all(size == 1 or at == axis for at, size in enumerate(shape, rank - len(shape)))
