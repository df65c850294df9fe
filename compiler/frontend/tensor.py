"""A tensor of the model at import: its type and, if known, its content."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import DType, from_numpy
from ...dialects.core.ir import Value
from ...dialects.core.location import UNKNOWN, Location
from ...dialects.core.types import TensorType
from .problems import LostRead

Array = np.ndarray[Any, Any]


class Tensor:
    """A tensor of the model, in one of three forms.

    A constant with its content in `data`; symbolic numbers with their content in `sizes`, an object array
    (see `symbolic.py`); or only an IR `value`. The first two get a value, too, when an operation reads them
    as data.
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
    def is_known(self) -> bool:
        """Whether its content is known: a constant or symbolic numbers; each may have a value, too."""
        return self.data is not None or self.sizes is not None

    @property
    def type(self) -> TensorType:
        """The type; that of a value may change when symbols are replaced."""
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


class Lost(Tensor):
    """A result of a node that is unsupported, or depends on an unsupported one.

    Reading any part of it raises LostRead, so importers go as far as they can without it. sized: it is
    computed from sizes and constants only, so its content might be known; otherwise it depends on the data of
    inputs.
    """

    __slots__ = ("sized",)

    def __init__(self, *, sized: bool) -> None:
        self.sized = sized

    def __getattr__(self, name: str) -> NoReturn:
        """Handles all attributes except `sized`, which are not set."""
        raise LostRead
