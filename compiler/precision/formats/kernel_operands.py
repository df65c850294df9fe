"""The types and layouts in which a kernel needs its operands, and the number formats it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from ....codegen.interface import ArchSpec, NoPrologue, executed, read_prologue
from ....dialects.core.bounds import bounds
from ....dialects.core.dtypes import F16, F32, DType
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from ....dialects.fused import FusedKernel
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.precision import PrecisionKernel
from ....dialects.roots import Root
from ...fusion.vertical.attention_layouts import multiplied
from ...passes.eight_bits import EightBitProducts
from ...patterns.layouts import is_neutral, padded_channels, product_layout, reads_any_layout
from ...settings.formats import FORMATS
from ...settings.policy import PrecisionPolicy
from .image_reads import ImageReads, StoredImage
from .multiplication import Multiplication, exactly, multiplication_of, type_multiplied
from .region import RegionPrecision
from .rounding import Rounding
from .storage import Lead, StoragePlan, contraction_of, image_of, is_lowered, leading_op

# Constants up to this size stay in f32: biases, scales, slopes. Larger ones cost memory traffic.
SMALL_ELEMENTS = 1 << 16


class KernelOperands:
    """The types, layouts and formats that one fused kernel requires."""

    def __init__(
        self,
        kernel: FusedKernel,
        policy: PrecisionPolicy,
        target: ArchSpec,
        plan: StoragePlan,
        module: Module,
        rounding: Rounding,
        eight_bits: EightBitProducts,
        images: ImageReads,
        stored: Mapping[Value, Value],
    ) -> None:
        """EIGHT_BITS: the contractions that stay in floats although eight bits are requested, with the
        reasons. STORED: the new values, as they are stored, of those outside the kernel."""
        self._kernel = kernel
        self._target = target
        self._override = policy.override_of(leading_op(kernel))
        self._format = policy.format_of(leading_op(kernel))
        self._plan = plan
        self._lead = plan.lead(kernel)
        self._module = module
        self._rounding = rounding
        self._contraction = contraction_of(kernel)
        self._eight_bits = eight_bits
        self._table = _table_of(self._contraction)
        self._outside = dict(zip(kernel.body.block.arguments, kernel.inputs, strict=True))
        self._multiplication = self._chosen()
        self._large_constant = False
        self._channels = self._padding()
        self._image = self._read_as_stored(images, stored)
        if self._image is not None:
            self._channels = 0
        self._converted: list[DType] = []

    def region(self) -> RegionPrecision:
        """The region to be built for the kernel."""
        return RegionPrecision(self._format, self._multiplication)

    @property
    def operand_dtype(self) -> DType | None:
        """The storage type of the contraction's operands; None without a contraction."""
        return None if self._multiplication is None else self._multiplication.stored

    def _multiplied(self, dtype: DType) -> DType:
        """The type in which an operand of DTYPE is multiplied."""
        first = self.operand_dtype
        return dtype if first is None else type_multiplied(dtype, first)

    # ------------------------------------------------------------ forms

    @property
    def takes_any_form(self) -> bool:
        """Whether the kernel can read its operands in any layout and with any shape."""
        return bool(self._kernel.root is Root.LOOP)

    def constant_form(self, argument: Value) -> tuple[DType, Layout, int]:
        """Element type, layout and additional channels of a constant operand."""
        dtype = argument.type.dtype
        if self._feeds_contraction(argument) or argument is self._table:
            last = self._lead is Lead.CONVOLUTION
            rank = argument.type.rank
            layout = channels_last(rank) if last else self._product_layout(argument, constant=True)
            return self._multiplied(dtype), layout, self._channels
        _, most = bounds(argument.type.elements, {})
        small = most is not None and most <= SMALL_ELEMENTS
        lowered = is_lowered(dtype, self._format)
        large = not small and lowered and not self._fits(argument)
        self._large_constant = self._large_constant or large
        kept = small or large or not lowered or self._loses(argument)
        return dtype if kept else self._format.stored(dtype), ROW_MAJOR, 0

    def form(self, argument: Value, stored: TensorType) -> TensorType:
        """The tensor type that the kernel needs for ARGUMENT, which is stored as STORED."""
        if argument is self._image:
            return stored
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
        dtype = self._plan.converted(self._outside[argument], stored.dtype, self._format)
        return TensorType(stored.shape, dtype, layout)

    def _layout(self, argument: Value, stored: TensorType) -> Layout:
        result = self._kernel.results[0].type
        match self._lead:
            case Lead.CONVOLUTION if stored.rank == result.rank:
                return channels_last(stored.rank)
            case Lead.PRODUCT:
                return self._product_layout(argument)
        return stored.layout

    def _product_layout(self, argument: Value, constant: bool = False) -> Layout:
        """The layout that a matrix product needs for ARGUMENT, which may be a CONSTANT."""
        op = self._contraction
        if op is None or self._multiplication is None or argument not in op.inputs:
            return ROW_MAJOR
        index, multiply = op.inputs.index(argument), self._multiplication.chosen
        return product_layout(op, index, argument.type, multiply, constant=constant)

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
        """The number of zero channels that pad the convolution's input and weights."""
        conv, dtype = self._contraction, self.operand_dtype
        if not isinstance(conv, Conv) or dtype is None:
            return 0
        x, w = conv.inputs
        weights = self._outside.get(w)
        if x not in self._outside or weights is None or not isinstance(weights.producer, Constant):
            return 0
        # A value that the epilogue reads, too, cannot be padded with channels.
        return padded_channels(conv, dtype, self._target) if len(x.uses) == 1 else 0

    def _read_as_stored(self, images: ImageReads, stored: Mapping[Value, Value]) -> Value | None:
        """The argument that the contraction, a convolution, reads as it is stored; None if there is none."""
        conv, dtype = self._contraction, self.operand_dtype
        if not isinstance(conv, Conv) or dtype is None:
            return None
        image = image_of(conv)
        own = stored.get(self._outside[image]) if image in self._outside else None
        if own is None or own.type.rank != conv.result.type.rank:
            return None
        if image is not conv.x:  # fusion asked already
            return (
                image if reads_any_layout(conv, self._multiplied(conv.x.type.dtype), self._target) else None
            )
        return image if self._without_a_copy(conv, own, images) else None

    def _without_a_copy(self, conv: Conv, own: Value, images: ImageReads) -> bool:
        shape = (own.type.shape[0], own.type.shape[1] + self._channels, *own.type.shape[2:])
        copy = TensorType(shape, self._multiplied(own.type.dtype), channels_last(own.type.rank))
        if own.type == copy:
            return False
        maker = own.producer
        loop = isinstance(maker, PrecisionKernel) and maker.root is Root.LOOP
        accumulate = conv.accumulate or self._format.computed(copy.dtype)
        image = StoredImage(own.type, copy, loop and len(self._outside[conv.x].uses) == 1)
        return images.as_stored(conv, image, accumulate, self._plan.dtype(self._kernel.results[0]))

    def _chosen(self) -> Multiplication | None:
        if self._contraction is None:
            return None
        lowered = is_lowered(self._contraction.inputs[0].type.dtype, self._format)
        weights = multiplied(self._contraction) | ({self._table} if self._table is not None else set())
        overflows = lowered and not all(self._fits(value) for value in weights)
        exact = self._plan.wide.products.get(self._contraction)
        if exact is not None and not overflows:
            return exactly(self._contraction, self._format, exact)
        reason = self._eight_bits.why_floats(self._contraction.location.nodes)
        return multiplication_of(self._contraction, self._format, self._target, overflows, reason)

    def _fits(self, argument: Value) -> bool:
        """Whether ARGUMENT fits its storage type: false for a constant with numbers beyond the type's
        range."""
        constant = self._outside.get(argument)
        if constant is None or not isinstance(constant.producer, Constant):
            return True
        if not argument.type.dtype.is_float:  # packed numbers, which keep their type
            return True
        array = constant.producer.array(self._module)
        most = float(ml_dtypes.finfo(self._format.storage.numpy).max)
        return array.size == 0 or (float(array.max()) <= most and float(array.min()) >= -most)

    def _loses(self, argument: Value) -> bool:
        """Whether ARGUMENT is a constant that must be exact but is not representable in the storage type."""
        constant = self._outside[argument].producer
        if argument not in self._plan.wide.values or not isinstance(constant, Constant):
            return False
        array = constant.array(self._module)
        with np.errstate(all="ignore"):
            short = array.astype(self._format.storage.numpy).astype(array.dtype)
        return not np.array_equal(short, array, equal_nan=True)

    # ------------------------------------------------------------ what is recorded

    def formats(self, region: Block, kept: list[str]) -> dict[str, Any]:
        """The kernel's format attributes: requested, the one that REGION computes in, and the reasons.

        KEPT: why its results are not stored as requested.
        """
        compute = executed(region)
        accumulate = compute
        requested = self._format.stored(self._kernel.results[0].type.dtype)
        fallback = ""
        if self._contraction is not None and self._multiplication is not None:
            requested, compute = self._multiplication.requested, self._multiplication.chosen
            own: DType | None = self._contraction.attributes.get("accumulate")
            accumulate = own or self._format.computed(self._multiplication.stored)
            fallback = self._multiplication.fallback
        elsewhere = self._not_for()
        if elsewhere:
            requested, fallback = self._format.storage, elsewhere
        why = self._why(requested, compute, kept)
        return {
            "requested": requested,
            "compute": compute,
            "accumulate": accumulate,
            "why": "; ".join(filter(None, (why, fallback))),
            "fallback": fallback,
        }

    def _not_for(self) -> str:
        """Why an override of this kernel has no effect (policies are about f32); empty when it has one."""
        op = leading_op(self._kernel)
        if self._override is None or op is None:
            return ""
        own = op.inputs[0].type.dtype if self._contraction is not None else op.results[0].type.dtype
        # Eight-bit integers and floats come from quantization, not from the policy's storage type.
        if own in (F32, self._format.storage) or not own.is_float or own.bits < F16.bits:
            return ""
        return f"the model itself has {own} here, and policies are about f32"

    @property
    def remedy(self) -> str:
        """The format to request instead, where this kernel falls back: that of the model's own type, or empty
        if no format stores it."""
        own = [op.results[0].type.dtype for op in (leading_op(self._kernel),) if op is not None]
        found = (each.name for each in FORMATS.values() if each.storage in own)
        return next(found, "") if self._not_for() else "fp32"

    def _why(self, requested: DType, compute: DType, kept: list[str]) -> str:
        origin = f"{self._format.name} policy" if self._override is None else f"override {self._override}"
        reasons = [origin]
        if not compute.is_float:
            reasons = [f"{compute} is not a float"]
        elif self._multiplication is not None:
            reasons.append(self._multiplication.kept)
        elif self._format.lowers and self._kernel.root is Root.ROW:
            reasons.append(f"rows are reduced in {compute}")
        elif self._format.multiply != self._format.storage:
            reasons.append("only products are rounded")
        elif self._format.lowers and compute.bits > requested.bits:
            reasons.append(f"arithmetic between roundings is done in {compute}")
        if self._large_constant:
            reasons.append(f"a constant exceeds the range of {self._format.storage} and keeps its type")
        reasons += kept
        reasons += [f"{dtype} is converted while it is loaded" for dtype in self._converted]
        if self._image is not None:
            reasons.append("the image is read as it is stored")
        if self._channels:
            reasons.append(f"{self._channels} zero channels fill the input's words")
        return "; ".join(filter(None, reasons))


def _table_of(contraction: Operation | None) -> Value | None:
    """The table from which CONTRACTION gathers its rows, if it does."""
    if not isinstance(contraction, (Conv, Matmul)):
        return None
    prologue = read_prologue(contraction)
    return None if isinstance(prologue, NoPrologue) or prologue.gather is None else prologue.streamed
