"""pad-rows: rows that begin where bulk copies may begin. rows of 24 bytes => the same rows, 32 bytes apart

Bulk copies need rows that begin at multiples of 16 bytes. A tensor of other rows (24 channels of a byte) is
copied by threads, a few bytes at a time. In a buffer whose rows are longer, it is a part like those of a
concat, and nobody reads what is between its rows. Matrices that are multiplied with its rows have to lie so,
too. It is done where the cost model, which knows the kernels that this allows and the bytes that it adds,
expects it to save time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import TensorType
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.packed import PackedMatmul
from ....dialects.precision import PrecisionKernel
from ....errors import UnsupportedError
from ...fusion.vertical.record import PAD_ROWS
from ...patterns.strided import ACCESS_BYTES, part
from .context import Places, ViewContext, kernels_accessing, memory_order
from .record import Savings
from .view_plan import ViewPlace, base_of

LONGEST = 2  # times the bytes of a row
APART = "its rows begin at multiples of 16 bytes, as bulk copies need"


def pad_rows(kernels: Sequence[PrecisionKernel], context: ViewContext) -> None:
    """Decide on every result of KERNELS that owns its buffer, in order."""
    for kernel in kernels:
        for value in kernel.results:
            padded = padded_rows(value.type)
            if padded is None or not _owns_buffer(value, context):
                continue
            if any(_multiplies_rows(other, value.type) for other in kernels_accessing(value)):
                _decide(kernel, value, padded, context)


def padded_rows(type: TensorType) -> TensorType | None:
    """TYPE with rows so long that each begins at a multiple of 16 bytes; None as `longer_rows` says."""
    return longer_rows(type, ACCESS_BYTES, LONGEST)


def longer_rows(type: TensorType, unit_bytes: int, longest: float) -> TensorType | None:
    """TYPE with rows of a multiple of UNIT_BYTES; None where they are that, or are not known, or would be
    more than LONGEST times as long, or no dense matrix has such rows."""
    order = memory_order(type)
    if not type.layout.is_dense or len(order) < 2 or unit_bytes % type.dtype.bytes:
        return None
    length, unit = type.shape[order[-1]], unit_bytes // type.dtype.bytes
    if not isinstance(length, int) or length % unit == 0:
        return None
    longer = -(-length // unit) * unit
    if longer > longest * length:
        return None
    shape = (*type.shape[: order[-1]], longer, *type.shape[order[-1] + 1 :])
    return TensorType(shape, type.dtype, type.layout)


def _multiplies_rows(kernel: PrecisionKernel, type: TensorType) -> bool:
    """Whether rows of TYPE, which KERNEL accesses, may be those of its contraction: of channels, or the last
    dimension."""
    products = (op for op in kernel.body.block if has(op, Trait.CONTRACTION))
    return memory_order(type)[-1] in {
        type.rank - 1 if isinstance(op, (Matmul, PackedMatmul)) else 1 for op in products
    }


def lengthened(array: np.ndarray[Any, Any], padded: TensorType) -> np.ndarray[Any, Any]:
    """ARRAY with zeros behind its rows, as a PADDED type has them."""
    return np.pad(
        array, [(0, int(str(want)) - have) for want, have in zip(padded.shape, array.shape, strict=True)]
    )


def _decide(kernel: PrecisionKernel, value: Value, padded: TensorType, context: ViewContext) -> None:
    """Decide on VALUE, a result of KERNEL, which would be a part of a PADDED tensor."""
    wholes = {value: padded, **dict(_beside(value, context))}
    places = {own: _first_part(own, whole) for own, whole in wholes.items()}
    refusal = context.record.switched_off(PAD_ROWS) or _refusal(places, context)
    affected = context.affected(places, ())
    saved = None if refusal else _saved(affected, places, context)
    savings = Savings(-context.cost.added(value.type, padded), 0, saved)
    if refusal is None and saved is None:
        refusal = "a kernel cannot access rows that lie apart"
    elif saved is not None and saved < context.cost.fitted.schedule.pitch_saving * sum(
        map(context.cost.of, affected)
    ):
        refusal = "longer rows would not save enough time"
    if refusal is not None:
        context.record.refused(PAD_ROWS, kernel, refusal, savings)
        return
    context.plan.places.update(places)
    context.plan.wholes.update(wholes)
    context.cost.forget(affected)
    context.record.taken(PAD_ROWS, kernel, APART, savings)


def _first_part(value: Value, whole: TensorType) -> ViewPlace:
    return ViewPlace(value, part(whole, (0,) * whole.rank, value.type.shape))


def _beside(value: Value, context: ViewContext) -> Iterator[tuple[Value, TensorType]]:
    """The matrices with rows as long as those of VALUE that kernels read beside it, weights or results that
    own their buffers, with what they would be parts of."""
    row = _row(value.type)
    for kernel in kernels_accessing(value):
        for given in kernel.inputs:
            own = base_of(given)
            made = isinstance(own.producer, Constant) or _owns_buffer(own, context)
            if own is value or not made or len(memory_order(own.type)) != 2:
                continue
            whole = padded_rows(own.type)
            if whole is not None and _row(own.type) == row:
                yield own, whole


def _owns_buffer(value: Value, context: ViewContext) -> bool:
    """Whether VALUE is the result of a kernel in a buffer of its own, of which nothing else is a part."""
    plan = context.plan
    parts = {*plan.places, *(place.root for place in plan.places.values())}
    made = isinstance(value.producer, PrecisionKernel) and value.producer not in plan.elided
    return made and value not in parts and not context.is_output(value) and not context.is_passed(value)


def _row(type: TensorType) -> Dim:
    """The length of a row of TYPE, whose elements are adjacent."""
    return type.shape[memory_order(type)[-1]]


def _refusal(places: Places, context: ViewContext) -> str | None:
    """Why the rows of PLACES, a tensor and its weights, must lie as they do; None where they need not."""
    refusal = context.empty_refusal(places)
    for own in places:
        refusal = refusal or context.reshape_refusal(own, places)
        if context.is_passed(own) or context.is_output(own):
            refusal = refusal or "weights beside it are an output, or passed to a branch or a loop"
    return refusal


def _saved(kernels: Sequence[PrecisionKernel], places: Places, context: ViewContext) -> float | None:
    """Microseconds that KERNELS save with PLACES; None where one cannot access them."""
    try:
        return -context.cost.change(kernels, places)
    except UnsupportedError:
        return None
