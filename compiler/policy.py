"""Precision policies: in which element types a program is stored, computed and accumulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..dialects.core.dtypes import BF16, F16, F32, DType
from ..errors import UnsupportedError

_STORAGE: Mapping[str, DType] = MappingProxyType(
    {"fp32": F32, "fp16": F16, "bf16": BF16, "int8": F16, "fp8": F16}
)
EIGHT_BITS = ("int8", "fp8")


@dataclass(frozen=True)
class PrecisionPolicy:
    """What float32 values of a model become.

    name: the policy's word in text ("fp16"); storage: the element type of float32 tensors between
    kernels and of the operands of contractions; compute: the type of all other arithmetic;
    accumulate: the type sums of contractions are kept in. Tensors of other element types, and
    the model's inputs and outputs, keep theirs.
    """

    name: str
    storage: DType
    compute: DType = F32
    accumulate: DType = F32

    @staticmethod
    def named(name: str) -> PrecisionPolicy:
        """The policy NAME; UnsupportedError for one that does not exist (yet)."""
        storage = _STORAGE.get(name)
        if storage is None:
            raise UnsupportedError(f"there is no precision '{name}'", f"these exist: {', '.join(_STORAGE)}")
        return PrecisionPolicy(name, storage)

    @property
    def lowers(self) -> bool:
        """True when float32 tensors are stored in fewer bits."""
        return self.storage.bits < F32.bits

    @property
    def quantizes(self) -> bool:
        """True when contractions multiply in eight bits, at scales that a calibration table gives."""
        return self.name in EIGHT_BITS

    def stored(self, dtype: DType) -> DType:
        """The element type that a tensor of DTYPE has between kernels."""
        return self.storage if dtype == F32 else dtype

    def computed(self, dtype: DType) -> DType:
        """The element type of arithmetic on values of DTYPE: short floats are widened."""
        return self.compute if dtype.is_float and dtype.bits < self.compute.bits else dtype


def as_policy(precision: str | PrecisionPolicy) -> PrecisionPolicy:
    """The policy that a caller means by its name or by itself."""
    return precision if isinstance(precision, PrecisionPolicy) else PrecisionPolicy.named(precision)
