"""In which types and layouts a kernel wants its operands, and the number formats it works in."""

from __future__ import annotations

from typing import Any

import ml_dtypes

from ....codegen.kernels.prologue import Unfit, read_prologue
from ....dialects.core.affine import bounds
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block, Module, Operation, Value
from ....dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from ....dialects.fused import Kernel
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Conv, Matmul
from ...policy import PrecisionPolicy
from ..fusion.attention_layouts import multiplied
from .region import RegionPrecision
from .rounding import Rounding
from .storage import Lead, contraction_of, is_lowered, is_neutral, padded_channels

# Constants up to this size stay in f32: biases, scales, slopes. Larger ones are traffic.
SMALL_ELEMENTS = 1 << 16


class KernelOperands:
    """The wishes of one fused kernel."""

    def __init__(
        self, kernel: Kernel, policy: PrecisionPolicy, lead: Lead, module: Module, rounding: Rounding
    ) -> None:
        self._kernel = kernel
        self._policy = policy
        self._lead = lead
        self._module = module
        self._rounding = rounding
        self._contraction = contraction_of(kernel)
        self._table = _table_of(self._contraction)
        self._outside = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
        self._too_large = self._weights_overflow()
        self._channels = self._padding()
        self._converted: list[DType] = []

    def region(self) -> RegionPrecision:
        """The region to be built for the kernel."""
        return RegionPrecision(self._policy, self.operand_dtype)

    @property
    def operand_dtype(self) -> DType | None:
        """What the contraction multiplies; None without one."""
        if self._contraction is None:
            return None
        own = self._contraction.inputs[0].type.dtype
        return own if self._too_large else self._policy.stored(own)

    def _multiplied(self, dtype: DType) -> DType:
        """The type in which an operand of DTYPE is multiplied; integers may differ from each other."""
        return self.operand_dtype or dtype if dtype.is_float else dtype

    # ------------------------------------------------------------ forms

    @property
    def takes_any_form(self) -> bool:
        """True when the kernel may read its operands in any layout and under any shape."""
        return bool(self._kernel.root == "loop")

    def constant_form(self, argument: Value) -> tuple[DType, Layout, int]:
        """Element type, layout and additional channels of a constant operand."""
        dtype = argument.type.dtype
        if self._feeds_contraction(argument) or argument is self._table:
            last = self._lead is Lead.CONVOLUTION
            layout = channels_last(argument.type.rank) if last else ROW_MAJOR
            return self._multiplied(dtype), layout, self._channels
        _, most = bounds(argument.type.elements, {})
        small = most is not None and most <= SMALL_ELEMENTS
        kept = small or not is_lowered(dtype, self._policy) or not self._fits(argument)
        return dtype if kept else self._policy.stored(dtype), ROW_MAJOR, 0

    def form(self, argument: Value, stored: TensorType) -> TensorType:
        """The type in which ARGUMENT is wanted, when it is there as STORED."""
        layout = self._layout(argument, stored)
        if self._feeds_contraction(argument):
            shape = stored.shape
            if self._is_converted(argument, stored, layout):
                self._converted.append(stored.dtype)
                return stored.with_layout(layout)
            if self._channels:
                shape = (shape[0], shape[1] + self._channels, *shape[2:])
            return TensorType(shape, self._multiplied(stored.dtype), layout)
        if layout == stored.layout or is_neutral(stored):
            return stored.with_layout(layout)
        # What is converted anyway is converted to the smaller type.
        return TensorType(stored.shape, self._policy.stored(stored.dtype), layout)

    def _layout(self, argument: Value, stored: TensorType) -> Layout:
        result = self._kernel.results[0].type
        match self._lead:
            case Lead.CONVOLUTION if stored.rank == result.rank:
                return channels_last(stored.rank)
            case Lead.PRODUCT:
                return ROW_MAJOR
        return stored.layout

    def _is_converted(self, argument: Value, stored: TensorType, layout: Layout) -> bool:
        """True when the contraction itself converts ARGUMENT, its first operand, while it loads it."""
        contraction, dtype = self._contraction, self.operand_dtype
        if contraction is None or dtype is None or argument is not contraction.inputs[0] or self._channels:
            return False
        return self._rounding.while_loading(contraction, self._outside[argument], stored, dtype, layout)

    def _feeds_contraction(self, argument: Value) -> bool:
        return self._contraction is not None and argument in multiplied(self._contraction)

    # ------------------------------------------------------------ padding and range

    def _padding(self) -> int:
        """The zero channels that the convolution's input and weights get."""
        conv, dtype = self._contraction, self.operand_dtype
        if not isinstance(conv, Conv) or dtype is None:
            return 0
        x, w = conv.inputs
        weights = self._outside.get(w)
        if x not in self._outside or weights is None or not isinstance(weights.producer, Constant):
            return 0
        # A value that the epilogue reads as well cannot get channels.
        return padded_channels(conv, dtype) if len(x.uses) == 1 else 0

    def _weights_overflow(self) -> bool:
        """True when a weight is beyond the range of the type that the policy asks for."""
        if self._contraction is None or not is_lowered(self._contraction.inputs[0].type.dtype, self._policy):
            return False
        weights = multiplied(self._contraction) | ({self._table} if self._table is not None else set())
        return not all(self._fits(value) for value in weights)

    def _fits(self, argument: Value) -> bool:
        """True unless ARGUMENT is a constant with numbers beyond the range of the storage type."""
        constant = self._outside.get(argument)
        if constant is None or not isinstance(constant.producer, Constant):
            return True
        array = constant.producer.array(self._module)
        most = float(ml_dtypes.finfo(self._policy.storage.numpy).max)
        return array.size == 0 or (float(array.max()) <= most and float(array.min()) >= -most)

    # ------------------------------------------------------------ what is recorded

    def formats(self, region: Block, keeps_output: bool) -> dict[str, Any]:
        """The attributes that say what was asked for, what the kernel got in REGION, and why."""
        result = self._kernel.results[0].type.dtype
        requested = self._policy.stored(result)
        compute = self._compute_dtype(region)
        accumulate = compute
        if self._contraction is not None:
            compute = self.operand_dtype or compute
            accumulate = self._contraction.attributes.get("accumulate") or self._policy.computed(compute)
        why = self._why(compute, keeps_output)
        return {"requested": requested, "compute": compute, "accumulate": accumulate, "why": why}

    def _compute_dtype(self, region: Block) -> DType:
        """The widest float among the results of REGION's ops, or the result's type when it has none."""
        dtypes = [value.type.dtype for op in region for value in op.results]
        floats = [dtype for dtype in dtypes if dtype.is_float]
        return max(floats, key=lambda dtype: dtype.bits, default=self._kernel.results[0].type.dtype)

    def _why(self, compute: DType, keeps_output: bool) -> str:
        reasons = [f"{self._policy.name} policy"]
        if not compute.is_float:
            reasons = [f"{compute} is not a float"]
        elif self._too_large:
            short = self._policy.storage
            reasons.append(f"a weight exceeds the range of {short}: it multiplies in {compute}")
        elif self._policy.lowers and self._kernel.root == "row":
            reasons.append(f"rows are reduced in {compute}")
        if keeps_output:
            reasons.append("an output keeps its type")
        reasons += [f"{dtype} is converted while it is loaded" for dtype in self._converted]
        if self._channels:
            reasons.append(f"{self._channels} zero channels fill the input's words")
        return "; ".join(reasons)


def _table_of(contraction: Operation | None) -> Value | None:
    """The tensor whose rows CONTRACTION gathers, if it does."""
    if not isinstance(contraction, (Conv, Matmul)):
        return None
    prologue = read_prologue(contraction)
    return None if isinstance(prologue, Unfit) or prologue.gather is None else prologue.streamed
