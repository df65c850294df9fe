"""Chooses how the values of a fused-level block are stored: element type and layout.

Convolutions read and write channels-last; matrix products, views, inputs and outputs are row-major. All other
kernels work in any layout and adopt that of most of the bytes around them, so that conversions are rare.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from ....codegen.interface import ArchSpec, NoPrologue, read_prologue
from ....dialects.control import ControlOp, ControlYield
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last
from ....dialects.custom.op import CudaOp
from ....dialects.fused import FusedKernel
from ....dialects.graph.attention import Attention
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv, ConvTranspose
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.embedding import EmbeddingBag
from ....dialects.graph.interaction import Interaction
from ....dialects.graph.movement.reshape import Reshape, Transpose
from ....dialects.graph.packed import PackedMatmul
from ....dialects.graph.recurrence import Recurrence
from ....dialects.roots import Root
from ...fusion.vertical.attention_layouts import masks_of
from ...fusion.vertical.clusters import viewed
from ...patterns.layouts import CONVERSION_PASSES, is_neutral, launch_elements, reads_any_layout
from ...settings.formats import Format
from ...settings.policy import PrecisionPolicy
from ..narrowing.decisions import Wide

KEPT_INTERFACE = "an output keeps its type"
KEPT_CARRIED = "conditions, and values that control flow passes on, keep their type"


class Lead(Enum):
    """The kind of op that decides a kernel's layouts."""

    CONVOLUTION = "convolution"
    PRODUCT = "product"
    FREE = "free"


def contraction_of(kernel: FusedKernel) -> Operation | None:
    """The contraction, or the attention, in KERNEL's region, if there is one."""
    leaders = (op for op in kernel.body.block if has(op, Trait.CONTRACTION) or isinstance(op, Attention))
    return next(leaders, None)


def image_of(conv: Conv) -> Value:
    """The value that CONV reads from memory as its input, which its kernel may compute from that."""
    prologue = read_prologue(conv)
    return conv.x if isinstance(prologue, NoPrologue) else prologue.streamed


def lead_of(kernel: FusedKernel) -> Lead:
    match contraction_of(kernel) or kernel.body.block.first:
        case Conv() | ConvTranspose():
            return Lead.CONVOLUTION
        case CudaOp(any_order=True):
            return Lead.FREE
        case Matmul() | PackedMatmul() | Attention():
            return Lead.PRODUCT
        case CudaOp() | Recurrence() | Interaction() | EmbeddingBag():  # row-major
            return Lead.PRODUCT
    return Lead.FREE


class StoragePlan:
    """The storage type of every kernel result, decided before anything is rewritten."""

    def __init__(
        self,
        module: Module,
        block: Block,
        policy: PrecisionPolicy,
        target: ArchSpec,
        wide: Wide | None = None,
    ) -> None:
        """WIDE: the values that stay f32 whatever the policy stores."""
        self.wide = wide or Wide()
        self._launch_elements = launch_elements(target)
        self._sizes = module.values_at("optimum")
        self._formats = result_formats(block, policy)
        self._policy, self._target = policy, target
        self._returned = {viewed(value) for value in block.terminator.inputs}
        self._carried = _carried(block)
        self._fixed = self._returned | self._carried
        self._leads = {op: lead_of(op) for op in block if isinstance(op, FusedKernel)}
        self._masks = {viewed(mask) for kernel in self._leads for mask in masks_of(kernel)}
        self._demand: dict[Value, float] = {}
        self._layouts: dict[Value, Layout] = {}
        for op in reversed(list(block)):
            for value in op.results:
                self._demand[value] = sum(self._wish(value, user) for user, _ in value.uses)
        for kernel in self._leads:
            for value in kernel.results:
                self._layouts[value] = self._choose(kernel, value)

    def lead(self, kernel: FusedKernel) -> Lead:
        return self._leads[kernel]

    def is_returned(self, value: Value) -> bool:
        """Whether VALUE, possibly reshaped, is returned or yielded by the block."""
        return value in self._returned

    def is_fixed(self, value: Value) -> bool:
        """Whether VALUE must keep its own type: it is returned, or control flow passes it on."""
        return value in self._fixed

    def dtype(self, value: Value) -> DType:
        """The element type in which VALUE, a kernel's result, is stored.

        Outputs, masks, and values that 16 bits cannot represent keep their own.
        """
        own = value.type.dtype
        kept = self.is_fixed(value) or value in self._masks or value in self.wide.values
        return own if kept else self._asked(value)

    def converted(self, value: Value, stored: DType, reader: Format) -> DType:
        """The element type of a copy of VALUE, which is stored as STORED, for a consumer of the format
        READER.

        The copy takes the narrower type of the two formats, but no narrower one than its producer's.
        """
        made = self._formats.get(viewed(value), reader)
        if viewed(value) in self.wide.values:
            return stored
        return reader.stored(stored) if made.stored(stored) != stored else made.stored(stored)

    def _asked(self, value: Value) -> DType:
        return self._formats[value].stored(value.type.dtype)

    def type(self, value: Value) -> TensorType:
        """The storage type of VALUE, a kernel's result."""
        layout = self._layouts.get(value, ROW_MAJOR)
        return TensorType(value.type.shape, self.dtype(value), layout)

    def reasons_to_keep(self, values: Iterable[Value]) -> list[str]:
        """Why some of VALUES keep their type where the policy would lower it, each reason once."""
        kept = [value for value in values if self.dtype(value) != self._asked(value)]
        reasons = [self.wide.values.get(value, "") for value in kept]
        interface = KEPT_CARRIED if any(value in self._carried for value in kept) else KEPT_INTERFACE
        stays = [f"its result stays {F32}: {reason}" if reason else interface for reason in reasons]
        return list(dict.fromkeys(stays))

    # ------------------------------------------------------------ layouts

    def _elements(self, value: Value) -> float:
        return float(evaluate(value.type.elements, self._sizes))

    def _wish(self, value: Value, user: Operation) -> float:
        """The preference of the consumer USER for VALUE channels-last (positive) or row-major (negative), in
        elements."""
        if is_neutral(value.type):
            return 0.0
        weight = self._elements(value)
        need = CONVERSION_PASSES * weight + self._launch_elements
        if not isinstance(user, FusedKernel):
            return -need
        match self._leads[user]:
            case Lead.CONVOLUTION:
                wants = value.type.rank == user.results[0].type.rank and not self._takes_any(value, user)
                return need if wants else 0.0
            case Lead.PRODUCT:
                return -need
        return weight * self._passed_on(user)

    def _takes_any(self, value: Value, user: FusedKernel) -> bool:
        """Whether USER, a convolution, may read VALUE as its image in any layout."""
        conv = contraction_of(user)
        places = [index for index, given in enumerate(user.inputs) if given is value]
        if not isinstance(conv, Conv) or [user.body.block.arguments[index] for index in places] != [
            image_of(conv)
        ]:
            return False
        operands = self._policy.format_of(conv).stored(conv.x.type.dtype)
        return reads_any_layout(conv, operands, self._target)

    def _passed_on(self, kernel: FusedKernel) -> float:
        """The sign of the preference of KERNEL's consumers; 0 if KERNEL reorders dimensions."""
        result = kernel.results[0]
        if _reorders(kernel) or result in self._returned:
            return 0.0
        demand = self._demand.get(result, 0.0)
        return (demand > 0) - (demand < 0)

    def _choose(self, kernel: FusedKernel, value: Value) -> Layout:
        rank = value.type.rank
        if rank < 3:
            return ROW_MAJOR
        if self._leads[kernel] is Lead.CONVOLUTION:
            return channels_last(rank)
        if self._leads[kernel] is Lead.PRODUCT or value in self._fixed or is_neutral(value.type):
            return ROW_MAJOR
        score = self._demand[value] + self._given(kernel, rank)
        return channels_last(rank) if score > 0 else ROW_MAJOR

    def _given(self, kernel: FusedKernel, rank: int) -> float:
        """The preference by the layouts of KERNEL's operands, in elements."""
        if _reorders(kernel):
            return 0.0
        score = 0.0
        for value in kernel.inputs:
            if value.type.rank != rank or is_neutral(value.type) or isinstance(value.producer, Constant):
                continue
            last = self._layouts.get(value, ROW_MAJOR) != ROW_MAJOR
            score += self._elements(value) if last else -self._elements(value)
        return score


def _carried(block: Block) -> set[Value]:
    """The conditions of control flow in BLOCK and the values that it passes on, seen through reshapes."""
    controls = [op for op in block if isinstance(op, ControlOp)]
    found = {value for op in controls for value in op.consumed if value is not None}
    below = {value for op in controls for region in op.regions for value in _carried(region.block)}
    found |= {capture for op in controls for capture, argument in op.passed() if argument in below}
    end = block.terminator
    return {viewed(value) for value in (*found, *(end.inputs if isinstance(end, ControlYield) else ()))}


def _reorders(kernel: FusedKernel) -> bool:
    """Whether KERNEL changes the order of dimensions between its operands and its results."""
    return any(isinstance(op, (Transpose, Reshape)) for op in kernel.body.block)


def is_lowered(dtype: DType, format: Format) -> bool:
    """Whether FORMAT stores tensors of DTYPE in fewer bits."""
    return dtype == F32 and format.lowers


def leading_op(kernel: FusedKernel) -> Operation | None:
    """The op whose format is KERNEL's: its contraction, its first row-wise op, or the producer of its first
    result.

    Casts at the end only store a result and are looked through.
    """
    found = contraction_of(kernel)
    if found is None and kernel.root is Root.ROW:
        rows = (op for op in kernel.body.block if has(op, Trait.ROW) or has(op, Trait.REDUCTION))
        found = next(rows, None)
    if found is None:
        found = kernel.body.block.terminator.inputs[0].producer
        while isinstance(found, Cast) and found.x.producer is not None:
            found = found.x.producer
    return found


def result_formats(block: Block, policy: PrecisionPolicy) -> dict[Value, Format]:
    """The format of every kernel result in BLOCK: that of the op that produces it."""
    found = {}
    for kernel in block:
        if isinstance(kernel, FusedKernel):
            for value, made in zip(kernel.results, kernel.body.block.terminator.inputs, strict=True):
                found[value] = policy.format_of(made.producer)
    return found
