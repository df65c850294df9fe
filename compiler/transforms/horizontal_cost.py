"""Whether joining siblings pays: the cost model's times, apart and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from ...codegen.kernels.family import Request, Target
from ...codegen.kernels.registry import candidates
from ...dialects.core.affine import evaluate
from ...dialects.core.builtin import Yield
from ...dialects.core.dtypes import TF32
from ...dialects.core.ir import Block, Module, Operation, Value
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import ROW_MAJOR, TensorType, channels_last
from ...dialects.graph.contraction import Conv
from ...dialects.graph.elementwise import Cast
from ..conversion.formats.multiplication import product_layout
from ..ledger import Figure
from ..policy import PrecisionPolicy
from .channel_scale import weight_of
from .horizontal_siblings import Contraction, channels, following, weight_axis

# A slice is read in accesses of 16 bytes when it begins at a multiple of this many elements.
ALIGNED_CHANNELS = 8
# What an elementwise kernel takes besides moving its bytes, in microseconds.
SMALL_KERNEL = 2.0


@dataclass(frozen=True)
class Estimate:
    """What joining would change. `stranded` siblings need a kernel more than before."""

    siblings: int
    stranded: int
    bytes_saved: int
    alignment: int
    apart: float
    joined: float

    @property
    def pays(self) -> bool:
        return self.joined < self.apart

    @property
    def launches_saved(self) -> int:
        return self.siblings - 1 - self.stranded

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of the ledger's record."""
        return {
            "siblings": self.siblings,
            "launches_saved": self.launches_saved,
            "bytes_saved": self.bytes_saved,
            "slice_alignment_elements": self.alignment,
            "microseconds_apart": round(self.apart, 3),
            "microseconds_joined": round(self.joined, 3),
        }


class CostModel:
    """Estimates for one module under one precision policy; equal contractions are timed once."""

    def __init__(self, module: Module, policy: PrecisionPolicy, target: Target) -> None:
        self._module = module
        self._policy = policy
        self._target = target
        self._sizes = module.values_at("optimum")
        self._times: dict[tuple[object, ...], float] = {}

    def estimate(self, siblings: Sequence[Contraction], ends: Sequence[Value]) -> Estimate:
        """Joining SIBLINGS, where what follows the values ENDS stays apart."""
        sizes = [channels(op) for op in siblings]
        stranded = [end for end in ends if is_stranded(end, siblings)]
        apart = sum(self._time(op, size) for op, size in zip(siblings, sizes, strict=True))
        extra = sum(SMALL_KERNEL + self._moved(end) for end in stranded)
        x = siblings[0].inputs[0].type
        return Estimate(
            siblings=len(siblings),
            stranded=len(stranded),
            bytes_saved=(len(siblings) - 1) * self._bytes(x),
            alignment=gcd(*sizes),
            apart=apart,
            joined=self._time(siblings[0], sum(sizes)) + extra,
        )

    def _bytes(self, type: TensorType) -> int:
        return evaluate(type.elements, self._sizes) * self._policy.default.stored(type.dtype).bytes

    def _moved(self, value: Value) -> float:
        """Microseconds to read and write VALUE."""
        return 2.0 * self._bytes(value.type) / self._target.bytes_per_second * 1e6

    def _time(self, op: Contraction, columns: int) -> float:
        """Expected microseconds of OP with COLUMNS output channels."""
        x, weight = op.inputs[0].type, weight_of(op).type
        shape = list(weight.shape)
        shape[weight_axis(op)] = columns
        key = (type(op), tuple(op.attributes.items()), x, tuple(shape))
        if key not in self._times:
            request = self._request(op, x, weight.with_shape(tuple(shape)))
            self._times[key] = candidates(request)[0].microseconds
        return self._times[key]

    def _request(self, op: Contraction, x: TensorType, weight: TensorType) -> Request:
        """A kernel for OP alone, on operands as they will be stored."""
        format = self._policy.format_of(op)
        dtype = format.stored(x.dtype)
        spatial = channels_last(x.rank) if isinstance(op, Conv) else ROW_MAJOR
        multiply = format.multiplied(x.dtype)
        weight_layout = spatial if isinstance(op, Conv) else product_layout(op, 1, weight, multiply)
        block = Block([TensorType(x.shape, dtype, spatial), TensorType(weight.shape, dtype, weight_layout)])
        attributes = {**op.attributes, "accumulate": op.accumulate or format.computed(dtype)}
        attributes["multiply"] = multiply if multiply == TF32 else None
        product = block.append(type(op)(*block.arguments, **attributes))
        product.result.type = product.result.type.with_layout(spatial)
        stored = block.append(Cast(product.result, to=dtype))
        block.append(Yield(stored.result))
        return Request(
            block,
            (stored.result.type,),
            self._module.ranges,
            self._sizes,
            self._target,
            weights=frozenset({1}),
        )


def is_stranded(end: Value, siblings: Sequence[Operation]) -> bool:
    """True when what follows END was part of its kernel, or END must be copied to be an output."""
    for user in end.users:
        if has(user, Trait.TERMINATOR):
            return True
        if has(user, Trait.ELEMENTWISE) and user.result.type.shape == end.type.shape:
            others = [value for value in user.inputs if value is not end]
            if not any(_ends_a_contraction(value, siblings) for value in others):
                return True
    return False


def _ends_a_contraction(value: Value, siblings: Sequence[Operation]) -> bool:
    """True when VALUE leaves the kernel of another contraction, which can take in what reads it."""
    if len(value.uses) != 1:
        return False
    op = value.producer
    while op is not None and has(op, Trait.ELEMENTWISE):
        sources = [v for v in op.inputs if v.type.shape == op.result.type.shape and following(v) is op]
        op = sources[0].producer if len(sources) == 1 else None
    return op is not None and has(op, Trait.CONTRACTION) and op not in siblings
