"""Pad: elements added or cropped at both ends of every axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...core.affine import Dim, floordiv
from ...core.attributes import DIMS, EnumKind
from ...core.constraints import Need
from ...core.diagnostics import op_error, operand_at
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Evaluation
from ...core.op import attribute, define_op, operand, optional_operand, result
from ...core.parts import AttributeAt
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp, same_dtype, surely_negative
from ..sliding_window import guarded, padded_array
from .sampling import clamped

PAD_MODES = EnumKind(("constant", "reflect", "edge", "wrap"))


@define_op(Trait.MOVEMENT)
class Pad(GraphOp):
    """x extended at both ends of every axis (ONNX Pad); negative pads crop.

    `pads` lists all begins, then all ends. In constant mode the new elements are `value` (0 if absent).
    The other modes repeat elements of the cropped x: reflect mirrors it without the edge, edge repeats the
    edge, wrap continues from the other end.
    """

    name = "graph.pad"
    x = operand()
    value = optional_operand()
    pads = attribute(DIMS)
    mode = attribute(PAD_MODES, "constant")
    y = result()

    @property
    def adds(self) -> bool:
        """Whether all pads are numbers, and none is negative."""
        return all(isinstance(pad, int) and pad >= 0 for pad in self.pads)

    @property
    def begins(self) -> tuple[Dim, ...]:
        return tuple(self.pads[: self.x.type.rank])

    @property
    def ends(self) -> tuple[Dim, ...]:
        return tuple(self.pads[self.x.type.rank :])

    def infer(self) -> Sequence[TensorType]:
        if len(self.pads) != 2 * self.x.type.rank:
            raise op_error(
                self,
                f"pads {list(self.pads)} does not give {2 * self.x.type.rank} numbers",
                at=AttributeAt("pads"),
            )
        if self.value is not None:
            same_dtype(self, [self.x.type, self.value.type])
            if self.value.type.elements != 1:
                raise op_error(self, "the value is not a single element", at=operand_at(self, self.value))
        shape = tuple(n + b + e for n, b, e in zip(self.x.type.shape, self.begins, self.ends, strict=True))
        for axis, size in enumerate(shape):
            nothing = self.mode != "constant" and self._kept(axis) == 0 and size != 0
            if surely_negative(size) or surely_negative(self._kept(axis)) or nothing:
                extent = self.x.type.shape[axis]
                raise op_error(
                    self,
                    f"axis {axis}: pads {list(self.pads)} do not fit size {extent}",
                    at=AttributeAt("pads"),
                )
        return [TensorType(shape, self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        at = AttributeAt("pads")
        for axis, extent in enumerate(self.x.type.shape):
            begin, end = self.begins[axis], self.ends[axis]
            if not (isinstance(begin, int) and isinstance(end, int)):
                yield from self._needs_at_run(axis)
                continue
            if begin < 0 or end < 0:
                yield Need(self._kept(axis), 0, f"pads crop no more than axis {axis} has", at=at)
            most = max(begin, end, 0)
            if self.mode != "constant" and (begin or end):
                least = most + 1 if self.mode == "reflect" and not isinstance(extent, int) else 1
                yield Need(self._kept(axis), least, f"axis {axis} has elements to repeat", at=at)

    def _needs_at_run(self, axis: int) -> Iterable[Need]:
        """The requirements of symbolic pads of AXIS; only those of the constant mode may crop."""
        extent, at = self.x.type.shape[axis], AttributeAt("pads")
        for pad in (self.begins[axis], self.ends[axis]):
            if self.mode == "constant":
                yield Need(extent + pad, 0, f"pads crop no more than axis {axis} has", at=at)
            else:
                yield Need(pad, 0, f"pads of the mode '{self.mode}' in axis {axis} crop nothing", at=at)
        if self.mode != "constant":
            yield Need(extent, 1, f"axis {axis} has elements to repeat", at=at)

    def _kept(self, axis: int) -> Dim:
        """The size of AXIS after cropping by static pads."""
        cropped = [pad for pad in (self.begins[axis], self.ends[axis]) if isinstance(pad, int) and pad < 0]
        return self.x.type.shape[axis] + sum(cropped)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = [i - begin for i, begin in zip(index, self.begins, strict=True)]
        if self.mode == "constant":
            padded = [a for a in range(len(own)) if _may_add(self.begins[a]) or _may_add(self.ends[a])]
            return guarded(scalars, self.x, own, self._filling(scalars), padded)
        return self._mapped(scalars, own, 0)

    def _filling(self, scalars: Scalars) -> Expr:
        if self.value is None:
            return scalars.const(0, self.x.type.dtype)
        return scalars.load(self.value, (0,) * self.value.type.rank)

    def _mapped(self, scalars: Scalars, own: list[Dim], axis: int) -> Expr:
        """x at OWN, with the positions from AXIS on mapped to the elements that they repeat."""
        if axis == len(own):
            return scalars.load(self.x, own)
        begin, end, size = self.begins[axis], self.ends[axis], self._kept(axis)
        cropped = max(-begin, 0) if isinstance(begin, int) else 0

        def proceed(at: Dim) -> Expr:
            # Positions count from the first element that is not cropped.
            return self._mapped(scalars, [*own[:axis], at + cropped, *own[axis + 1 :]], axis + 1)

        if not (_may_add(begin) or _may_add(end)):
            return self._mapped(scalars, own, axis + 1)
        repeated = {"edge": clamped, "reflect": _mirrored, "wrap": _remainder}[self.mode]
        return scalars.let_index(repeated(scalars, own[axis] - cropped, size), proceed)

    def evaluate(self, evaluation: Evaluation, x: Any, value: Any = None) -> Any:
        begins, ends = (map(evaluation.dim, pads) for pads in (self.begins, self.ends))
        pads = list(zip(begins, ends, strict=True))
        if self.mode == "constant":
            return padded_array(x, pads, 0 if value is None else value.reshape(-1)[0])
        cropped = padded_array(x, [(min(b, 0), min(e, 0)) for b, e in pads], 0)
        grown = [(max(b, 0), max(e, 0)) for b, e in pads]
        if self.mode == "reflect":
            return np.pad(cropped, grown, mode="reflect")
        return np.pad(cropped, grown, mode="edge" if self.mode == "edge" else "wrap")


def _mirrored(scalars: Scalars, at: Dim, size: Dim) -> Expr:
    """AT reflected at both ends into 0..SIZE-1: its distance from the last element, modulo the period
    2 * (SIZE - 1) of a full reflection.
    """
    last = size - 1
    # A single element reflects to itself: its period is set to 1.
    period = 2 * last + floordiv(1, size)
    away = scalars.apply("sub", scalars.index_value(last), _remainder(scalars, at, period))
    return scalars.apply("sub", scalars.index_value(last), scalars.apply("abs", away))


def _remainder(scalars: Scalars, at: Dim, period: Dim) -> Expr:
    """AT modulo PERIOD. Index arithmetic divides only non-negative numerators, which a static period
    ensures; otherwise the scalar function is used.
    """
    if isinstance(period, int):
        return scalars.index_value(at % period)
    return scalars.apply("mod", scalars.index_value(at), scalars.index_value(period))


def _may_add(pad: Dim) -> bool:
    """Whether PAD may be positive."""
    return not isinstance(pad, int) or pad > 0
