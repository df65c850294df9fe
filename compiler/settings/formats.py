"""Number formats by name: the types that a format stores, multiplies and accumulates in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...dialects.core.dtypes import BF16, F8E4M3, F16, F32, I8, TF32, DType
from ...errors import UnsupportedError
from ...errors.option import option_error

# The eight-bit formats and their storage types.
EIGHT_BITS: Mapping[str, DType] = MappingProxyType({"int8": I8, "fp8": F8E4M3})


@dataclass(frozen=True)
class Format:
    """A number format: the types that replace float32 in an op that runs in it.

    name: its name in text ("fp16"); storage: the storage type of tensors between kernels and of the operands
    of contractions; multiply: the type that contractions multiply in; compute: the type of all other
    arithmetic; accumulate: the accumulator type of contractions. For eight-bit formats these are the types of
    values that stay floats; `InsertQuantization` decides which contractions multiply in eight bits.
    """

    name: str
    storage: DType
    multiply: DType
    compute: DType = F32
    accumulate: DType = F32

    @property
    def products(self) -> DType:
        """The type that float32 contractions should multiply in; for eight-bit formats their storage type."""
        return EIGHT_BITS.get(self.name, self.multiply)

    @property
    def lowers(self) -> bool:
        """Whether float32 tensors are stored in fewer bits."""
        return self.storage.bits < F32.bits

    @property
    def quantizes(self) -> bool:
        """Whether contractions multiply in eight bits, with scales from a calibration table."""
        return self.name in EIGHT_BITS

    def stored(self, dtype: DType) -> DType:
        """The storage type of a tensor of DTYPE between kernels."""
        return self.storage if dtype == F32 else dtype

    def multiplied(self, dtype: DType) -> DType:
        """The type that a contraction of operands of DTYPE multiplies in."""
        return self.multiply if dtype == F32 else dtype

    def computed(self, dtype: DType) -> DType:
        """The compute type of arithmetic on values of DTYPE: short floats are widened."""
        return self.compute if dtype.is_float and dtype.bits < self.compute.bits else dtype


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        name: Format(name, storage, multiply)
        for name, storage, multiply in (
            ("fp32", F32, F32), ("tf32", F32, TF32), ("fp16", F16, F16), ("bf16", BF16, BF16),
            ("int8", F16, F16), ("fp8", F16, F16),
        )
    }
)  # fmt: skip


# What other tools call them.
_ELSEWHERE = {
    "float": "fp32", "float32": "fp32", "f32": "fp32", "single": "fp32", "half": "fp16", "float16": "fp16",
    "f16": "fp16", "bfloat16": "bf16", "i8": "int8", "e4m3": "fp8", "float8": "fp8", "float8_e4m3fn": "fp8",
    "best": "auto",
}  # fmt: skip


def format_named(name: str, option: str = "precision", text: str | None = None) -> Format:
    """The format called NAME. Raises UnsupportedError for one that does not exist.

    TEXT, the whole value of OPTION, ends with NAME; it is NAME by default.
    """
    found = FORMATS.get(name)
    if found is None:
        whole, hint = name if text is None else text, f"these exist: {', '.join(FORMATS)}"
        if name.lower() in _ELSEWHERE:
            hint = f"is {_ELSEWHERE[name.lower()]} meant? {hint}"
        message, at = f"there is no precision '{name}'", (len(whole) - len(name), len(whole))
        raise option_error(UnsupportedError, option, whole, message, hint, at=at)
    return found
