"""What the importer knows about a tensor of the model: its type, and its content where it has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import DType, from_numpy
from ...dialects.core.ir import Value
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.types import TensorType

Array = np.ndarray[Any, Any]


class Tensor:
    """A tensor of the model.

    Exactly one of three holds: `data` is its content (a constant); `sizes` is its content as an
    object array of symbolic numbers (see `symbolic.py`); or it is only known as an IR `value`. The
    first two get a value when an operation reads them as data.
    """

    __slots__ = ("_type", "data", "location", "sizes", "value")

    def __init__(
        self,
        type: TensorType,
        *,
        value: Value | None = None,
        data: Array | None = None,
        sizes: Array | None = None,
        location: Location = UNKNOWN,
    ) -> None:
        self._type = type
        self.value = value
        self.data = data
        self.sizes = sizes
        self.location = location

    @staticmethod
    def of(value: Value) -> Tensor:
        return Tensor(value.type, value=value)

    @staticmethod
    def constant(data: Array, location: Location = UNKNOWN) -> Tensor:
        shape = tuple(int(size) for size in data.shape)
        return Tensor(TensorType(shape, from_numpy(data.dtype)), data=data, location=location)

    @staticmethod
    def symbolic(sizes: Array, dtype: DType, location: Location = UNKNOWN) -> Tensor:
        shape = tuple(int(size) for size in sizes.shape)
        return Tensor(TensorType(shape, dtype), sizes=sizes, location=location)

    @property
    def type(self) -> TensorType:
        """Its type; that of a value changes where symbols are replaced."""
        return self._type if self.value is None else self.value.type

    @property
    def shape(self) -> tuple[Dim, ...]:
        return self.type.shape

    @property
    def rank(self) -> int:
        return self.type.rank

    @property
    def dtype(self) -> DType:
        return self.type.dtype
