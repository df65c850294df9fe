"""Whether a convolution of few channels reads its image as it is stored, instead of a copy of it.

  conv(copy of x, channels-last, with zero channels) => conv(x)

Kernels of such convolutions may read an image in any layout and convert it once. Expected times decide: that
of such a kernel, against those of the copy and of the best kernel for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....codegen.interface import ArchSpec, Request, candidates, families
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.builtin import Yield
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block
from ....dialects.core.module import Module
from ....dialects.core.types import TensorType, channels_last
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ...fusion.vertical.record import op_label
from ...passes.ledger import Figure, Verdict
from ...passes.manager import PassContext
from ...patterns.layouts import reads_any_layout

IMAGE_AS_STORED = "image-as-stored"


@dataclass(frozen=True)
class StoredImage:
    """The input of a convolution, as it is stored and as a copy would be: in the layout that other kernels
    read, with zero channels. made: its producer can store it so, which takes no kernel."""

    stored: TensorType
    copy: TensorType
    made: bool


class ImageReads:
    """Decides about the convolutions of one module, and records why."""

    def __init__(self, context: PassContext, module: Module, target: ArchSpec) -> None:
        self._context = context
        self._module = module
        self._sizes = module.values_at("optimum")
        self._target = target

    def as_stored(self, conv: Conv, image: StoredImage, accumulate: DType, out: DType) -> bool:
        """True when CONV reads IMAGE as it is stored; it accumulates in ACCUMULATE and stores OUT."""
        if not reads_any_layout(conv, image.copy.dtype, self._target):
            return False
        if IMAGE_AS_STORED in self._context.disabled:
            self._record(conv, Verdict.DISABLED, f"the rule {IMAGE_AS_STORED} is switched off")
            return False
        self._context.decide()
        operands = image.copy.dtype
        direct = candidates(self._request(conv, image.stored, operands, accumulate, out))
        able = [c for c in direct if families()[c.family].reads_any_layout(conv, operands)]
        if not able:
            return False
        kept = min(candidate.microseconds for candidate in able)
        packed = candidates(self._request(conv, image.copy, operands, accumulate, out))
        copied = packed[0].microseconds + self._copy(image)
        taken = kept < copied
        reason = f"{image.stored} is {'read as it is stored' if taken else f'brought to {image.copy}'}"
        times: dict[str, Figure] = {
            "microseconds_as_stored": round(kept, 3),
            "microseconds_with_a_copy": round(copied, 3),
        }
        self._record(conv, Verdict.TAKEN if taken else Verdict.REFUSED, reason, **times)
        return taken

    def _request(self, conv: Conv, x: TensorType, operands: DType, accumulate: DType, out: DType) -> Request:
        """The request for CONV alone, which reads X, multiplies OPERANDS and stores OUT."""
        own = conv.w.type
        shape = (own.shape[0], x.shape[1], *own.shape[2:])
        weights = TensorType(shape, operands if own.dtype.is_float else own.dtype, channels_last(x.rank))
        block = Block([x, weights])
        image = block.arguments[0]
        if x.dtype != operands:
            image = block.append(Cast(image, to=operands)).result
        attributes: dict[str, Any] = {**conv.attributes, "accumulate": accumulate, "multiply": None}
        made = block.append(Conv(image, block.arguments[1], **attributes)).result
        stored = block.append(Cast(made, to=out)).result
        stored.type = stored.type.with_layout(channels_last(x.rank))
        block.append(Yield(stored))
        ranges, writes = self._module.ranges, (stored.type,)
        return Request(block, writes, ranges, self._sizes, self._target, weights=frozenset({1}))

    def _copy(self, image: StoredImage) -> float:
        """Expected microseconds for the copy of IMAGE: those of a kernel, or of the channels that it adds."""
        own, wide = (evaluate(type.bytes, self._sizes) for type in (image.stored, image.copy))
        moved = wide - own if image.made else wide + own
        launch = 0.0 if image.made else self._target.fitted.loop.launch
        return launch + max(moved, 0) / self._target.bytes_per_second * 1e6

    def _record(self, conv: Conv, verdict: Verdict, reason: str, **figures: Figure) -> None:
        nodes = conv.location.nodes
        self._context.ledger.add(
            IMAGE_AS_STORED, verdict, reason, ops=(op_label(conv),), nodes=nodes, split=0, **figures
        )
