"""Cost model of joining siblings: expected times, apart and joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from ....codegen.interface import ArchSpec, Request, candidates, families, streams_weights
from ....dialects.core.affine import product
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.builtin import Yield
from ....dialects.core.dtypes import TF32
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import ROW_MAJOR, TensorType, channels_last
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.packed import PackedMatmul
from ...passes.ledger import Figure
from ...patterns.channel_scale import channel_axis
from ...patterns.layouts import is_neutral, product_layout
from ...patterns.strided import part, reshaped
from ...settings.policy import PrecisionPolicy
from .order import Arrangement
from .siblings import Contraction, channels, following, of_channels

# A slice of 16-bit elements can be read in 16-byte accesses, as kernels do on every target, when it starts at
# a multiple of this many elements.
ALIGNED_CHANNELS = 8
HALVES = "halves-of-product"  # the rule by which kernels read both halves of a product's columns
MOST_MEETING = 8  # ops that compute one value of two siblings: a gate is one of three or four


@dataclass(frozen=True)
class JoinEstimate:
    """What joining would change; `apart` and `joined` are expected times in microseconds.

    stranded: siblings that need an extra kernel for the epilogue they lose; copied: concats that need a
    copy although their parts are written in place while the siblings are apart (negative: fewer need one);
    alignment: of the slices, in elements.
    """

    siblings: int
    stranded: int
    copied: int
    bytes_saved: int
    alignment: int
    apart: float
    joined: float

    @property
    def pays(self) -> bool:
        return self.joined < self.apart

    @property
    def launches_saved(self) -> int:
        return self.siblings - 1 - self.stranded - self.copied

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of the ledger's record."""
        return {
            "siblings": self.siblings,
            "launches_saved": self.launches_saved,
            "copies": self.copied,
            "bytes_saved": self.bytes_saved,
            "slice_alignment_elements": self.alignment,
            "microseconds_apart": round(self.apart, 3),
            "microseconds_joined": round(self.joined, 3),
        }


class CostModel:
    """Estimates for one module, policy and target; equal contractions are timed once.

    HALVES: whether kernels may read both halves of a product's columns.
    """

    def __init__(
        self, module: Module, policy: PrecisionPolicy, target: ArchSpec, halves: bool = True
    ) -> None:
        self._halves = halves
        self._module = module
        self._policy = policy
        self._target = target
        self._sizes = module.values_at("optimum")
        self._times: dict[tuple[object, ...], float] = {}

    def estimate(
        self, siblings: Sequence[Contraction], ends: Sequence[Value], arrangement: Arrangement
    ) -> JoinEstimate:
        """The estimate for joining SIBLINGS in ARRANGEMENT, with the consumers of ENDS left as they are."""
        sizes = [channels(op) for op in siblings]
        axis = channel_axis(siblings[0])
        stranded = [end for end in ends if is_stranded(end, siblings) or is_no_view(end, axis, sum(sizes))]
        if self._are_halves(siblings) and meet(ends):
            stranded = []  # what reads both becomes the epilogue
        apart = sum(self._time(op, size) for op, size in zip(siblings, sizes, strict=True))
        apart += sum(map(self._copy, arrangement.copied_apart))
        joined = self._time(siblings[0], sum(sizes)) + sum(map(self._copy, arrangement.copied))
        x = siblings[0].inputs[0].type
        return JoinEstimate(
            siblings=len(siblings),
            stranded=len(stranded),
            copied=len(arrangement.copied) - len(arrangement.copied_apart),
            bytes_saved=(len(siblings) - 1) * self._bytes(x),
            alignment=gcd(*sizes),
            apart=apart,
            joined=joined + sum(self._copy([end]) for end in stranded),
        )

    def _are_halves(self, siblings: Sequence[Contraction]) -> bool:
        """Whether kernels have columns of two such SIBLINGS in a tile: products of few rows, equally wide."""
        first = siblings[0]
        packed = isinstance(first, PackedMatmul)
        if not isinstance(first, (Matmul, PackedMatmul)) or len(siblings) != 2:
            return False
        *lead, k = first.a.type.shape
        rows = product(lead)
        if first.attributes.get("transpose_a") or not isinstance(k, int) or not isinstance(rows, int):
            return False
        if channels(first) != channels(siblings[1]):
            return False
        multiply = self._policy.format_of(first).multiplied(first.a.type.dtype)
        able = (each for each in families().values() if each.runs_on(self._target))
        takes = self._halves and any(each.takes_halves and each.unpacks == packed for each in able)
        return takes and streams_weights(rows, k, multiply)

    def _bytes(self, type: TensorType) -> int:
        return evaluate(type.elements, self._sizes) * self._policy.default.stored(type.dtype).bytes

    def _copy(self, values: Iterable[Value]) -> float:
        """Microseconds of a kernel that copies VALUES."""
        bytes_ = sum(self._bytes(value.type) for value in values)
        return self._target.fitted.loop.launch + 2.0 * bytes_ / self._target.bytes_per_second * 1e6

    def _time(self, op: Contraction, columns: int) -> float:
        """Expected microseconds of OP with COLUMNS output channels."""
        x, (stated, weight) = op.inputs[0].type, of_channels(op, columns)
        key = (type(op), tuple(stated.items()), x, weight.shape)
        if key not in self._times:
            self._times[key] = candidates(self._request(op, stated, x, weight))[0].microseconds
        return self._times[key]

    def _request(
        self, op: Contraction, stated: Mapping[str, Any], x: TensorType, weight: TensorType
    ) -> Request:
        """The request for a kernel of OP alone with attributes as STATED, on operands in the type and layout
        they will be stored in."""
        format = self._policy.format_of(op)
        dtype = format.stored(x.dtype)
        spatial = channels_last(x.rank) if isinstance(op, Conv) else ROW_MAJOR
        multiply = format.multiplied(x.dtype)
        weight_layout = spatial
        if not isinstance(op, Conv):
            weight_layout = product_layout(op, 1, weight, multiply, constant=True)
        weighed = dtype if weight.dtype.is_float else weight.dtype
        block = Block([TensorType(x.shape, dtype, spatial), TensorType(weight.shape, weighed, weight_layout)])
        attributes = {**stated, "accumulate": op.accumulate or format.computed(dtype)}
        if not isinstance(op, PackedMatmul):
            attributes["multiply"] = multiply if multiply == TF32 else None
        made = block.append(type(op)(*block.arguments, **attributes))
        made.result.type = made.result.type.with_layout(spatial)
        stored = block.append(Cast(made.result, to=dtype))
        block.append(Yield(stored.result))
        return Request(
            block,
            (stored.result.type,),
            self._module.ranges,
            self._sizes,
            self._target,
            weights=frozenset({1}),
        )


def meet(ends: Sequence[Value]) -> bool:
    """Whether elementwise ops alone read ENDS, and compute one value of them."""
    known, inside = list(ends), set[Operation]()
    for _ in range(MOST_MEETING):
        left = [value for value in known if any(user not in inside for user in value.users)]
        if len(left) == 1 and left[0] not in ends:
            return True
        users = (user for value in left for user in value.users if user not in inside)
        found = [
            op for op in users if has(op, Trait.ELEMENTWISE) and op.result.type.shape == ends[0].type.shape
        ]
        if not found:
            return False
        inside.add(found[0])
        known.append(found[0].result)
    return False


def is_no_view(end: Value, axis: int, channels: int) -> bool:
    """True when a reshape of END, free as long as END is dense, cannot be a view of a part of CHANNELS.

    END would be a part along AXIS. A reshape of an image needs a layout conversion in any case.
    """
    if not is_neutral(end.type) and axis != end.type.rank - 1:
        return False
    shape = (*end.type.shape[:axis], channels, *end.type.shape[axis + 1 :])
    cut = part(TensorType(shape, end.type.dtype), (0,) * len(shape), end.type.shape)
    views = (user for user in end.users if isinstance(user, Reshape))
    return any(reshaped(cut, view.result.type.shape) is None for view in views)


def is_stranded(end: Value, siblings: Sequence[Operation]) -> bool:
    """True when joining costs END an extra kernel: for an op that was its epilogue, or to copy an output."""
    for user in end.users:
        if has(user, Trait.TERMINATOR):
            return True
        if has(user, Trait.ELEMENTWISE) and user.result.type.shape == end.type.shape:
            others = [value for value in user.inputs if value is not end]
            if not any(_ends_a_contraction(value, siblings) for value in others):
                return True
    return False


def _ends_a_contraction(value: Value, siblings: Sequence[Operation]) -> bool:
    """True when VALUE is the result of another contraction's kernel, which can absorb its consumer."""
    if len(value.uses) != 1:
        return False
    op = value.producer
    while op is not None and has(op, Trait.ELEMENTWISE):
        sources = [v for v in op.inputs if v.type.shape == op.result.type.shape and following(v) is op]
        op = sources[0].producer if len(sources) == 1 else None
    return op is not None and has(op, Trait.CONTRACTION) and op not in siblings
