"""The base classes of custom ops: elementwise by a formula, by a loop nest, and with a CUDA body."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from ..core.affine import Dim, total
from ..core.diagnostics import op_error
from ..core.dtypes import F32, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Value
from ..core.traits import Trait
from ..core.types import ROW_MAJOR, TensorType
from ..graph.base import GraphOp, broadcast_shapes, same_dtype
from ..graph.elementwise_base import FLOAT, check_kind
from ..graph.formula import Term, load_broadcast
from ..graph.numeric import Array, converted, widened
from .blame import blamed
from .cuda import CudaBody, is_dim
from .nest import Nest

SLACK = 16.0  # unit roundoffs by which a CUDA body may differ from numpy unless it states a tolerance


class CustomOp(GraphOp):
    """An op that a user's file defines: operands, results, attributes, `result_type` and `compute`.

    kinds: the element types that its operands may have; cost: FLOPs per element of its results. `onnx` and
    `file` are set on registration: its domain and type, and the file that defines it.
    """

    onnx: ClassVar[str] = ""
    file: ClassVar[str] = ""
    traits: ClassVar[tuple[Trait, ...]] = ()
    kinds: ClassVar[tuple[str, ...]] = FLOAT
    cost: ClassVar[int] = 1

    # ------------------------------------------------------------ what a file defines

    def result_type(self) -> TensorType | tuple[TensorType, ...]:
        """The type of the result, inferred from operands and attributes, or a tuple of the types of several
        results; by default that of the first operand.

        Raises ValueError, or IRError by `op_error`, for operands that do not fit.
        """
        types = (self.inputs[0].type,) * len(self.spec.results)
        return types[0] if len(types) == 1 else types

    def compute(self, *inputs: Any) -> Any:
        """The result in numpy, or a tuple of several results, from all operands in order, None for absent
        ones.

        Floats are at least f32; the returned arrays are rounded to the types of the results. Operands are
        read-only.
        """
        raise NotImplementedError

    # ------------------------------------------------------------ what is made of it

    def infer(self) -> Sequence[TensorType]:
        for value in self.inputs:
            check_kind(self, value, self.kinds)
        with self.blamed("result_type"):
            found = self.result_type()
        return [self._sound(type).with_layout(ROW_MAJOR) for type in self._for_each("result_type", found)]

    def _sound(self, found: object) -> TensorType:
        """FOUND, what `result_type` gave for a result. Raises IRError for anything but a type."""
        if not isinstance(found, TensorType):
            raise op_error(self, f"{self._named('result_type')} gives {found!r}, not a TensorType")
        fault = _fault_in(found)
        if fault is not None:
            raise op_error(self, f"{self._named('result_type')} gives a type {fault}")
        return found

    def _for_each(self, method: str, found: Any) -> Sequence[Any]:
        """FOUND, what METHOD gave, for each result. Raises IRError where it is not as many as there are."""
        count = len(self.spec.results)
        if count == 1:
            return (found,)
        if not isinstance(found, tuple) or len(found) != count:
            what = f"{len(found)} of them" if isinstance(found, tuple) else type(found).__name__
            raise op_error(self, f"{self._named(method)} gives {what}, not a tuple for its {count} results")
        return found

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Array | tuple[Array, ...]:
        given = [None if array is None else _read_only(widened(array)) for array in inputs]
        given += [None] * (len(self.spec.operands) - len(given))
        with self.blamed("compute"), np.errstate(all="ignore"):
            computed = self.compute(*given)
        pairs = zip(self.results, self._for_each("compute", computed), strict=True)
        found = tuple(self._stored(evaluation, value, each) for value, each in pairs)
        return found[0] if len(found) == 1 else found

    def _stored(self, evaluation: Evaluation, value: Value, computed: Any) -> Array:
        """COMPUTED, what `compute` gave for the result VALUE, as its type says. Raises IRError for another
        shape, and for elements that there are not."""
        array = np.asarray(computed)
        try:
            found = converted(array, value.type.dtype)
        except KeyError:
            gives = f"{self._named('compute')} gives elements of the type {array.dtype}"
            raise op_error(self, gives) from None
        wanted = evaluation.shape(value.type)
        if found.shape != wanted:
            shapes = f"the shape {list(found.shape)} where result_type says {list(wanted)}"
            raise op_error(self, f"{self._named('compute')} gives {shapes}")
        return found

    def flops(self) -> Dim:
        return total(value.type.elements for value in self.results) * self.cost

    def blamed(self, method: str) -> AbstractContextManager[None]:
        """A context in which METHOD runs; see `blame.blamed`."""
        return blamed(self, method, self.onnx, self.file)

    def _named(self, method: str) -> str:
        return f"{method} of {self.onnx} in {Path(self.file).name}"

    def _checked(self, method: str, found: object) -> Expr:
        """The expression FOUND that METHOD returned for an element, in the type of the result."""
        if not isinstance(found, Term):
            raise op_error(self, f"{self._named(method)} gives {type(found).__name__}, not a Term")
        return found.cast(self.result.type.dtype).expr


def _fault_in(type: TensorType) -> str | None:
    """The fault of TYPE, which a user's file built; None if it is valid."""
    if not isinstance(type.dtype, DType):
        return f"of the elements {type.dtype!r}: they are custom.F32 and the like"
    if not isinstance(type.shape, tuple):
        return f"of the shape {type.shape!r}: a shape is a tuple"
    odd = next((dim for dim in type.shape if not is_dim(dim)), None)
    return None if odd is None else f"of the size {odd!r}: a size is a plain integer, or made of symbols"


def _read_only(array: Array) -> Array:
    """ARRAY as a read-only view, since others read it, too."""
    view = array.view()
    view.flags.writeable = False
    return view


class ElementwiseOp(CustomOp):
    """An op whose operands broadcast as in numpy, and have one element type. It fuses as Add does."""

    traits = (Trait.ELEMENTWISE,)

    def formula(self, *terms: Any) -> Term:
        """An element of the result as a formula over the operands' elements; None for absent ones."""
        raise NotImplementedError

    def result_type(self) -> TensorType:
        same_dtype(self, [value.type for value in self.inputs])
        shape = broadcast_shapes(self, [value.type.shape for value in self.inputs])
        return TensorType(shape, self.inputs[0].type.dtype)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        terms = [None if value is None else load_broadcast(scalars, value, index) for value in self.operands]
        terms += [None] * (len(self.spec.operands) - len(terms))
        with self.blamed("formula"):
            return self._checked("formula", self.formula(*terms))


class LoopOp(CustomOp):
    """An op whose elements are expressions over their index, with reductions.

    A row-wise op, such as a normalization, states `row_axes`, and then fuses as Softmax does.
    """

    def element(self, nest: Nest) -> Term:
        """The element at `nest.index` of the result."""
        raise NotImplementedError

    def row_axes(self) -> tuple[int, ...]:
        """The axes of the first operand that are reduced, counted from the front; none for an op that is not
        row-wise.

        With them, the result has the first operand's shape, or one element per row.
        """
        return ()

    def rows(self) -> tuple[int, ...]:
        """The value of `row_axes`. Raises IRError for anything but ascending axes of the first operand."""
        with self.blamed("row_axes"):
            found = self.row_axes()
        axes = range(self.inputs[0].type.rank)
        if not isinstance(found, tuple) or found != tuple(axis for axis in axes if axis in found):
            raise op_error(
                self, f"{self._named('row_axes')} gives {found!r}, no ascending axes from the front"
            )
        return found

    def define(self, scalars: Scalars, index: Index) -> Expr:
        with self.blamed("element"):
            return self._checked("element", self.element(Nest(scalars, index)))


class CudaOp(CustomOp):
    """An op with a kernel of its own, whose body is CUDA.

    floats: the element types that the body accepts instead of f32; the precision policy converts to them.
    any_order: whether the results are the same in whatever order the elements of an operand lie in memory, so
    that the body may be given dense buffers that are not row-major.
    """

    compile_ms = 6000.0  # a body may be long: it is compiled in a process that can be killed
    floats: ClassVar[tuple[DType, ...]] = (F32,)
    any_order: ClassVar[bool] = False

    def cuda(self) -> CudaBody:
        """The kernel for the types of the operands."""
        raise NotImplementedError

    def tolerance(self) -> float:
        """The largest acceptable difference between kernel and `compute`, relative to the largest result.

        It covers sums in another order, and roundings inside the body.
        """
        dtype = self.inputs[0].type.dtype
        unit = float(ml_dtypes.finfo(dtype.numpy).eps) / 2 if dtype.is_float else 0.0
        return SLACK * unit

    def body(self) -> CudaBody:
        """The value of `cuda`. Raises IRError for anything but a CudaBody."""
        with self.blamed("cuda"):
            found = self.cuda()
        if not isinstance(found, CudaBody):
            raise op_error(self, f"{self._named('cuda')} gives {type(found).__name__}, not a CudaBody")
        return found

    def allowed(self) -> float:
        """The value of `tolerance`. Raises IRError for anything but a number of at least 0."""
        with self.blamed("tolerance"):
            found = self.tolerance()
        if not isinstance(found, (int, float)) or not 0 <= found < math.inf:
            raise op_error(self, f"{self._named('tolerance')} gives {found!r}, no number of at least 0")
        return float(found)

    def buffers(self) -> Iterable[tuple[str, Value]]:
        """The operands that are present, then the results, each with the name of its field."""
        pairs = zip(self.spec.operands, self.operands, strict=False)
        yield from ((field.name, value) for field, value in pairs if value is not None)
        yield from ((field.name, value) for field, value in zip(self.spec.results, self.results, strict=True))
