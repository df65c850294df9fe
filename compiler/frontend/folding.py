"""Constant folding at import: folds operations whose operands are known arrays or symbolic numbers.

The cost of folding is bounded: the bytes that it produces and reads, the numbers of shape arithmetic, and the
work of a single operation.
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
from ...dialects.graph.movement.reshape import Reshape
from . import symbolic
from .limits import MAX_FOLDED_READS, MAX_SHAPE_VALUES, MAX_SHAPE_WORK, check_type
from .problems import Malformed
from .shape_folding import fold_sizes
from .tensor import Array, Tensor

FOLDING_WORK = 10**9  # FLOPs; a larger contraction or window of constants is not folded


class Folder:
    """Folds operations of MODULE, producing at most BUDGET bytes in all; SIZES decides requirements on sizes.

    left: the bytes of the budget that are not spent.
    """

    def __init__(self, module: Module, sizes: Sizes, budget: int) -> None:
        self.left = budget
        self._module = module
        self._sizes = sizes
        self._budget = budget
        self._readable = MAX_FOLDED_READS
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
        work = op.flops()
        heavy = has(op, Trait.CONTRACTION) or has(op, Trait.WINDOW) or isinstance(op, CudaOp)
        if heavy and isinstance(work, int) and work > FOLDING_WORK:
            return None
        if op_class is not Reshape:
            reads = sum(_bytes(operand.type) for operand in operands if operand is not None)
            if reads > self._readable:
                return None
            self._readable -= reads
            self.charge(sum(map(_bytes, types)))
        arrays = [None if operand is None else operand.data for operand in operands]
        with np.errstate(all="ignore"):
            outcome = op.evaluate(Evaluation(self._module, {}), *arrays)
        found = outcome if isinstance(outcome, tuple) else (outcome,)
        pairs = zip(found, types, strict=True)
        return [Tensor.constant(_stored(array, type), self._location) for array, type in pairs]

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

    def charge(self, count: int) -> None:
        """Take COUNT bytes from the folding budget before they are allocated. Raises Malformed if it is
        exhausted."""
        self.require_room(count)
        self.left -= count

    def require_room(self, count: int) -> None:
        """Raise Malformed unless the folding budget has COUNT bytes left; they are needed only
        temporarily."""
        if count > self.left:
            raise Malformed(
                f"its constant result needs {count} bytes, more than the {self.left} left of the "
                f"folding budget of {self._budget}; raise folding_budget if this is a real model"
            )


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
