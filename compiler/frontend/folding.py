"""Constant folding at import: folds operations whose operands are known arrays or symbolic numbers.

The cost of folding is bounded: the bytes that its results hold, those that it reads and writes, the numbers
of shape arithmetic, and the work of a single operation. A broadcast is a view, which holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...dialects.core.affine import Affine
from ...dialects.core.dtypes import DType
from ...dialects.core.interpreter import Evaluation
from ...dialects.core.ir import Block, Operation
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.module import Module
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType, symbols_in
from ...dialects.custom.op import CudaOp
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.recurrence import Recurrence
from . import symbolic
from .folding_budget import FoldingBudget, is_broadcast
from .limits import MAX_FOLDED_BYTES, MAX_SHAPE_VALUES, MAX_SHAPE_WORK, check_type
from .problems import Malformed
from .shape_folding import fold_sizes
from .tensor import Array, Tensor

FOLDING_WORK = 10**9  # FLOPs; a larger contraction or window of constants is not folded


class Folder:
    """Folds operations of MODULE, whose results hold at most BUDGET bytes; SIZES decides requirements on
    sizes."""

    def __init__(self, module: Module, sizes: Sizes, budget: int) -> None:
        self.budget = FoldingBudget(budget)
        self._module = module
        self._sizes = sizes
        self._workable = MAX_FOLDED_BYTES
        self._shape_work = 0
        self._location = UNKNOWN

    def folded(
        self,
        op_class: type[Operation],
        operands: Sequence[Tensor | None],
        attributes: Any,
        location: Location,
    ) -> list[Tensor] | None:
        """The results of OP_CLASS at LOCATION on OPERANDS if their contents are known; else None.

        None also where folding costs too much, so that it must be an operation. Raises Malformed, or an
        IRError.
        """
        self._location = location
        present = [operand for operand in operands if operand is not None]
        if not present or Trait.ENCODING in op_class.spec.traits:
            return None
        if all(operand.data is not None for operand in present):
            return self._computed(op_class, operands, attributes)
        if all(operand.is_known for operand in present):
            return self._computed_symbolically(op_class, operands, attributes)
        return None

    def _detached(
        self, op_class: type[Operation], operands: Sequence[Tensor | None], attributes: Any
    ) -> Operation:
        """The operation on placeholder operands, in no block, for type inference and evaluation."""
        block = Block()
        values = [None if operand is None else block.add_argument(operand.type) for operand in operands]
        op = op_class(*values, loc=self._location, **attributes)
        for result in op.results:
            check_type(result.type, self._module)
        return op

    def _computed(
        self, op_class: type[Operation], operands: Sequence[Tensor | None], attributes: Any
    ) -> list[Tensor] | None:
        op = self._detached(op_class, operands, attributes)
        types = [value.type for value in op.results]
        if not all(isinstance(size, int) for type in types for size in type.shape) or _reads_sizes(op):
            return None
        flops = op.flops()
        heavy = has(op, Trait.CONTRACTION) or has(op, Trait.WINDOW) or isinstance(op, (CudaOp, Recurrence))
        if heavy and isinstance(flops, int) and flops > FOLDING_WORK:
            return None
        arrays = [None if operand is None else operand.data for operand in operands]
        views = op_class is Reshape and arrays[0] is not None and not is_broadcast(arrays[0])
        made = 0 if views else sum(map(_bytes, types))
        work = 0 if views else made + sum(array.nbytes for array in arrays if array is not None)
        if work > self._workable or (op_class is Expand and made > self.budget.left):
            return None  # a run can do it; what is broadcast need not be stored
        self._workable -= 0 if op_class is Expand else work
        self.budget.charge(made)
        with np.errstate(all="ignore"):
            outcome = op.evaluate(Evaluation(self._module, {}), *arrays)
        found = outcome if isinstance(outcome, tuple) else (outcome,)
        return [self._kept(array, type, made) for array, type in zip(found, types, strict=True)]

    def _kept(self, outcome: Any, type: TensorType, charged: int) -> Tensor:
        """The constant OUTCOME of TYPE, whose bytes are CHARGED unless that is 0."""
        array = _stored(outcome, type)
        if charged:
            self.budget.held_by(array, _bytes(type))
        return Tensor.constant(array, self._location)

    def _computed_symbolically(
        self, op_class: type[Operation], operands: Sequence[Tensor | None], attributes: Any
    ) -> list[Tensor] | None:
        if any(operand is not None and _count(operand) > MAX_SHAPE_VALUES for operand in operands):
            return None
        op = self._detached(op_class, operands, attributes)
        type = op.result.type
        if len(op.results) > 1:
            return None
        if not all(isinstance(size, int) for size in type.shape) or _elements(type) > MAX_SHAPE_VALUES:
            return None
        contents = [None if operand is None else _content(operand) for operand in operands]
        self._shape_work += _elements(type)
        if self._shape_work > MAX_SHAPE_WORK:
            raise Malformed(f"shape arithmetic computes more than {MAX_SHAPE_WORK} numbers")
        try:
            sizes = fold_sizes(op, contents, Evaluation(self._module, {}), self._sizes)
        except symbolic.Undecided:
            return None
        return None if sizes is None else [sizes_tensor(sizes, type.dtype, self._location)]


def sizes_tensor(values: Array, dtype: DType, location: Location) -> Tensor:
    """A tensor with the symbolic numbers VALUES; a constant when all of them are plain numbers."""
    plain = [_number(item) for item in values.reshape(-1)]
    if None in plain:
        return Tensor.symbolic(values, dtype, location)
    return Tensor.constant(np.array(plain, dtype=dtype.numpy).reshape(values.shape), location)


def _number(item: Any) -> float | int | None:
    numerator, denominator = symbolic.parts(item)
    if isinstance(numerator, Affine):
        return None
    return int(numerator) if denominator == 1 else int(numerator) / denominator


def _stored(outcome: Any, type: TensorType) -> Array:
    array = np.asarray(outcome)
    if array.shape != type.shape:
        raise Malformed(f"folds to the shape {array.shape}, but {type} is inferred")
    return array.astype(type.dtype.numpy, copy=False)


def _reads_sizes(op: Operation) -> bool:
    """Whether OP computes with symbolic sizes, such as a diagonal that an input gives."""
    return any(symbols_in(value) for value in op.attributes.values())


def _elements(type: TensorType) -> int:
    elements = type.elements
    return elements if isinstance(elements, int) else MAX_SHAPE_VALUES + 1


def _bytes(type: TensorType) -> int:
    size = type.bytes
    assert isinstance(size, int)  # called for static shapes only
    return size


def _content(tensor: Tensor) -> Array:
    """The known content: an array or symbolic numbers."""
    content = tensor.data if tensor.data is not None else tensor.sizes
    assert content is not None  # called for known tensors only
    return content


def _count(tensor: Tensor) -> int:
    return _content(tensor).size
