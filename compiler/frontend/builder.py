"""Emits graph operations, unless they fold (`folding.py`), and knows the contents of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.affine_traversal import symbols
from ...dialects.core.contents import parts_of
from ...dialects.core.diagnostics import SizeMismatch
from ...dialects.core.dtypes import I64, DType
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.module import Module
from ...dialects.core.remarks import Remark
from ...dialects.core.sizes.counted import DependsOnData
from ...dialects.core.sizes.outcomes import Conflict, Resized
from ...dialects.core.sizes.sizes import Sizes
from ...dialects.core.sizes.values import closure
from ...dialects.graph.binary import Div
from ...dialects.graph.constants import Dims, constant
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...errors import InputError
from ...runtime.contents import numbers_in
from . import symbolic
from .contents import ElementRanges, Unread, content_of, contents_behind
from .external import ExternalFiles
from .first_rows import FirstRows
from .folding import Folder, sizes_tensor
from .folding_budget import is_broadcast, without_repeats
from .limits import (
    DEFAULT_FOLDING_BUDGET,
    MAX_SHAPE_VALUES,
    check_dim,
    check_type,
)
from .problems import Malformed, Refused
from .tensor import Array, Lost, Tensor

MAX_MISMATCHES = 256  # the limit of differing sizes among the operands of one op
MAX_REPEATED_BYTES = 1 << 24  # a larger constant that repeats its elements is stored without the repetitions


Ratio = tuple[Dim, Dim]  # numerator and positive denominator


@dataclass
class Builder:
    """Appends operations to BLOCK: the body of a function, or for a while that of a region (`regions.py`).

    root: the function's body, where constants are created even for a region, since all may read them later;
    location: that of the node being imported; budget: the bytes that the results of folding may hold;
    regions: the blocks of regions that are being built, each inside those before it; counts: by symbol, the
    scalar that a run computes where data decides a size (`counts.py`); closed: those in finished regions;
    iterations: by the number of the iteration in the body of a loop, how many there are at most;
    first_rows: what the model reads of its tensors.
    """

    module: Module
    block: Block
    files: ExternalFiles
    budget: int = DEFAULT_FOLDING_BUDGET
    location: Location = UNKNOWN
    root: Block = field(init=False)
    regions: list[Block] = field(init=False, default_factory=list)
    counts: dict[str, Value] = field(init=False, default_factory=dict)
    closed: set[str] = field(init=False, default_factory=set)
    iterations: dict[Value, Dim] = field(init=False, default_factory=dict)
    first_rows: FirstRows | None = None
    sizes_known: Sizes = field(init=False)
    folder: Folder = field(init=False)
    _written: list[Tensor] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.block
        self.sizes_known = Sizes(self.module)
        self.folder = Folder(self.module, self.sizes_known, self.budget)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A context that erases what is emitted inside when it ends with Refused or Resized. What
        depends on data is refused."""
        last, written, self._written = self.block.last, self._written, []
        known = self.sizes_known.snapshot()
        try:
            yield
        except (Refused, Resized, DependsOnData) as error:
            self._take_back(last)
            if isinstance(error, Resized):  # the node is imported again, with what was found
                raise
            self.sizes_known.restore(known)
            raise error if isinstance(error, Refused) else Refused(str(error)) from None
        finally:
            self._written = [*written, *self._written]

    def _take_back(self, last: Operation | None) -> None:
        """Erase all operations after LAST, and the values of constants that were created there."""
        while self.block.last is not None and self.block.last is not last:
            self.block.last.erase()
        for tensor in self._written:
            tensor.value = None

    def remark(self, rule: str, reason: str) -> None:
        """Record a decision about the node being imported."""
        remark = Remark(rule, self.location.nodes, reason)
        if remark not in self.module.remarks:  # a node may be imported again
            self.module.remarks.append(remark)

    # ------------------------------------------------------------ operations

    def emit(self, op_class: type[Operation], *operands: Tensor | None, **attributes: Any) -> Tensor:
        """The single result of OP_CLASS on OPERANDS, as `emit_all` gives it."""
        (result,) = self.emit_all(op_class, *operands, **attributes)
        return result

    def emit_all(
        self, op_class: type[Operation], *operands: Tensor | None, **attributes: Any
    ) -> list[Tensor]:
        """The results of OP_CLASS on OPERANDS: folded if their contents are known, else of a new op.

        Raises Malformed, Conflict or an IRError for operands that the op cannot take.
        """
        folded = self.folder.folded(op_class, operands, attributes, self.location)
        return self._append_all(op_class, operands, attributes) if folded is None else folded

    def _append(
        self, op_class: type[Operation], operands: Sequence[Tensor | None], attributes: Any
    ) -> Tensor:
        """The single result of a new op."""
        (result,) = self._append_all(op_class, operands, attributes)
        return result

    def _append_all(
        self, op_class: type[Operation], operands: Sequence[Tensor | None], attributes: Any
    ) -> list[Tensor]:
        values = [None if operand is None else self.value(operand) for operand in operands]
        op = self._reconciled(op_class, values, attributes)
        try:
            self._settle(op)
        except (Conflict, DependsOnData, Resized, Malformed):
            op.drop_operands()
            raise
        self.block.append(op)
        return [Tensor.of(value) for value in op.results]

    # ------------------------------------------------------------ sizes

    def _settle(self, op: Operation) -> None:
        """Require the size constraints of OP, and results without negative sizes."""
        for need in op.needs():
            self.sizes_known.require(need, self.location)
        for result in op.results:
            for dim in result.type.shape:
                self.sizes_known.require_at_least(dim, 0, "no size is negative", self.location)
            # The elements of a reshape are those of its operand.
            check_type(result.type, self.module, counted=not isinstance(op, Reshape))

    def _reconciled(
        self, op_class: type[Operation], values: list[Value | None], attributes: Any
    ) -> Operation:
        """The operation, with operands reshaped or expanded so that equal sizes are written the same."""
        for _ in range(MAX_MISMATCHES):
            try:
                return op_class(*values, loc=self.location, **attributes)
            except SizeMismatch as error:
                error.op.drop_operands()
                values = self._aligned(values, error)
        raise Malformed("its sizes do not fit together")

    def _aligned(self, values: list[Value | None], error: SizeMismatch) -> list[Value | None]:
        """VALUES with the two sizes of ERROR unified. Raises ERROR where they always differ."""
        left, right, axis = error.left, error.right, error.stretched
        if isinstance(left, int) and isinstance(right, int):
            raise error
        why = "two sizes are equal" if axis is None else "two sizes broadcast"
        if axis is None:
            self.sizes_known.require_equal(left, right, why, self.location)
            size = right if isinstance(right, int) else left
            changed = [value and self._renamed(value, (left, right), size) for value in values]
        else:
            size = self.sizes_known.require_broadcast(left, right, why, self.location)
            changed = [value and self._stretched(value, axis, (left, right), size) for value in values]
        if changed == values:
            raise error
        return changed

    def _renamed(self, value: Value, sizes: tuple[Dim, Dim], size: Dim) -> Value:
        """VALUE reshaped to have SIZE for each of the equal SIZES in its shape."""
        shape = tuple(size if dim in sizes else dim for dim in value.type.shape)
        if shape == value.type.shape:
            return value
        return self.value(self._append(Reshape, [Tensor.of(value)], {"shape": shape}))

    def _stretched(self, value: Value, axis: int, sizes: tuple[Dim, Dim], size: Dim) -> Value:
        """VALUE expanded to SIZE along AXIS, where it has one of SIZES there."""
        shape = list(value.type.shape)
        if len(shape) < -axis or shape[axis] not in sizes or shape[axis] == size:
            return value
        shape[axis] = size
        return self.value(self._append(Expand, [Tensor.of(value)], {"shape": tuple(shape)}))

    def value(self, tensor: Tensor) -> Value:
        """TENSOR as an IR value. The operation of a constant or of sizes is created on the first call."""
        if tensor.value is None:
            with self.within(self._home(tensor)):
                tensor.value = self._created(tensor)
            self._written.append(tensor)
        return tensor.value

    def _home(self, tensor: Tensor) -> Block:
        """The outermost block that knows all that TENSOR holds: counts are known where they are computed."""
        sizes = [] if tensor.sizes is None else [symbolic.parts(each)[0] for each in tensor.sizes.reshape(-1)]
        named = closure({name for size in sizes for name in symbols(size)}, self.module)
        homes = {self.counts[name].block for name in named & self.counts.keys()}
        return next((block for block in reversed(self.regions) if block in homes), self.root)

    @contextmanager
    def within(self, block: Block) -> Iterator[None]:
        """A context in which operations are appended to BLOCK."""
        outer, self.block = self.block, block
        try:
            yield
        finally:
            self.block = outer

    def _created(self, tensor: Tensor) -> Value:
        if tensor.data is None:
            return self._sizes_value(tensor)
        repeated = tensor.data.nbytes > MAX_REPEATED_BYTES and is_broadcast(tensor.data)
        stored = without_repeats(tensor.data) if repeated else tensor.data
        if not stored.flags.c_contiguous:  # the module stores a copy
            self.folder.budget.charge(stored.nbytes)
        op = constant(self.module, stored, tensor.location)
        self.block.append(op)
        if not repeated:
            return op.result
        broadcast = Expand(op.result, shape=tensor.data.shape, loc=tensor.location)
        self.block.append(broadcast)
        return broadcast.result

    def _sizes_value(self, tensor: Tensor) -> Value:
        """The symbolic numbers of TENSOR as data: `graph.dims`, then ops for its shape and type."""
        assert tensor.sizes is not None  # a tensor without value and data has sizes
        pairs = [symbolic.parts(item) for item in tensor.sizes.reshape(-1)]
        op = Dims(values=[pair[0] for pair in pairs], scalar=tensor.rank == 0, loc=self.location)
        self.block.append(op)
        result = Tensor.of(op.result)
        if tensor.rank > 1:
            result = self._append(Reshape, [result], {"shape": tensor.shape})
        if tensor.dtype != I64:
            result = self._append(Cast, [result], {"to": tensor.dtype})
        if any(pair[1] != 1 for pair in pairs):
            divisors = np.array([pair[1] for pair in pairs]).reshape(tensor.sizes.shape)
            result = self._append(Div, [result, Tensor.constant(divisors.astype(tensor.dtype.numpy))], {})
        return self.value(result)

    # ------------------------------------------------------------ known contents

    def replace_sizes(self, tensor: Tensor, values: Mapping[str, Dim]) -> None:
        """Replace symbols by VALUES in the content of TENSOR."""
        if tensor.sizes is not None:
            changed = symbolic.substituted(tensor.sizes, values)
            made = self.sizes(changed, tensor.dtype)
            tensor.sizes, tensor.data = made.sizes, made.data

    def holding(self, tensor: Tensor, content: Sequence[Dim]) -> Tensor:
        """TENSOR, an input, with its CONTENT known: as sizes, unless it has fractions of symbols."""
        shape = tuple(size for size in tensor.shape if isinstance(size, int))
        parts = parts_of(tensor.type)
        if parts == 1 or all(under == 1 for under in content[1::2]):
            known = self.sizes(symbolic.object_array(list(content[::parts]), shape), tensor.dtype)
            tensor.sizes, tensor.data = known.sizes, known.data
        return tensor

    def constant(self, values: Any, dtype: DType) -> Tensor:
        """A small constant tensor with the content VALUES."""
        return Tensor.constant(np.array(values, dtype=dtype.numpy), self.location)

    def sizes(self, values: Array, dtype: DType = I64) -> Tensor:
        """A tensor with the symbolic numbers VALUES; a constant when all of them are plain numbers."""
        return sizes_tensor(values, dtype, self.location)

    def dims(self, dims: Sequence[Dim]) -> Tensor:
        """A rank-1 i64 tensor of sizes."""
        return self.sizes(symbolic.object_array([check_dim(dim) for dim in dims], (len(dims),)))

    def known_dims(self, tensor: Tensor, what: str, ranges: ElementRanges = ()) -> tuple[Dim, ...]:
        """The content of an integer tensor as sizes. WHAT names it in messages; where it is an input, its
        elements are expected in RANGES.

        Raises Unread when it depends on what inputs hold, Refused when it depends on other data.
        """
        if isinstance(tensor, Lost) and not tensor.sized:
            raise Refused(f"{what} depends on the data of the inputs")
        if tensor.data is not None and tensor.data.size <= MAX_SHAPE_VALUES:
            return tuple(int(item) for item in tensor.data.reshape(-1))
        if tensor.sizes is not None:
            try:
                return symbolic.as_dims(tensor.sizes)
            except symbolic.Undecided as error:
                raise Refused(f"{what}: {error}") from None
        message = f"{what} depends on the data of the inputs"
        if tensor.value is None:
            raise Refused(message)
        raise Unread(message, contents_behind(tensor.value, self.module, ranges))

    def known_ints(self, tensor: Tensor, what: str, ranges: ElementRanges = ()) -> tuple[int, ...]:
        """The content of an integer tensor as plain integers. Raises Refused when it is not constant."""
        dims = self.known_dims(tensor, what, ranges)
        plain = [dim for dim in dims if isinstance(dim, int)]
        if len(plain) != len(dims):
            raise Refused(f"{what} depends on a symbolic dimension")
        return tuple(plain)

    def known_fractions(self, tensor: Tensor, what: str, ranges: ElementRanges) -> tuple[Ratio, ...]:
        """The content of a tensor of real numbers, each as a numerator and a positive denominator. WHAT names
        it in messages; where it is an input, its elements are expected in RANGES.

        Raises Unread when it is an input whose content is not known yet, Refused when it is not constant.
        """
        if tensor.data is not None:
            try:
                numbers = numbers_in(tensor.data)
            except InputError as error:
                raise Refused(f"{what}: {error.message}; {error.hint}") from None
            parts = parts_of(tensor.type)
            return tuple(
                zip(numbers[::parts], numbers[1::2] if parts == 2 else [1] * len(numbers), strict=True)
            )
        if tensor.sizes is not None:
            return tuple(symbolic.parts(item) for item in tensor.sizes.reshape(-1))
        content = content_of(tensor, self.module)
        if content is not None:
            return tuple(zip(content[::2], content[1::2], strict=True))
        assert tensor.value is not None  # a tensor has data, sizes or a value
        raise Unread(f"{what} must be a constant", contents_behind(tensor.value, self.module, ranges))

    def known_array(self, tensor: Tensor, what: str) -> Array:
        """The content of a constant. Raises Refused when TENSOR is not constant."""
        if (isinstance(tensor, Lost) and not tensor.sized) or tensor.data is None:
            raise Refused(f"{what} must be a constant")
        return tensor.data
