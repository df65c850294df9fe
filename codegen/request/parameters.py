"""The calling convention of kernels: one ordered list of typed parameters, which everything else reads.

A kernel is given, in this order:

1. `BufferParameter`, not written: the address of each buffer that it reads (`Input<T> x0, x1, ...`);
2. `BufferParameter`, written: the address of each buffer that it writes (`Output<T> y0, ...`);
3. `ScratchParameter`: the address of each piece of memory that it needs for itself (`Output<T> name`), of
   an element type and a size of its own. A workspace holds nothing before or after; counters are words that
   are zero whenever no kernel runs, and kernels set them back;
4. `TensorMapParameter`: a descriptor for bulk copies, 128 bytes by value (`const GLASS_TENSOR_MAP name`),
   over one of the buffers above, whose address it holds;
5. `ScalarParameter`: each size that its code computes with (`const int s0`, or `i64`), in order of symbols.

1 to 3 are the operands of the launch level's `launch.kernel`, in the same order; 4 are its `maps`. What
follows from the list, and is said nowhere else: the C declaration (`declarations`), the members' parts of a
group's list (`group.py`), the scratch buffers of a launch and the check of launches that were written by
hand (`sources.py`), and the plan's kernels and launches (`manifest.py`), of which the runtime makes the
arguments: it packs them by the parameters of the plan, on the GPU and on the host device alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...dialects.core.affine import Dim, substitute
from ...dialects.core.dtypes import DType
from ...dialects.core.tensor_map import TensorMap
from ...dialects.core.types import TensorType
from ..text.literals import c_type
from ..text.render import Code


@dataclass(frozen=True)
class BufferParameter:
    """The address of a buffer of elements of `dtype`."""

    name: str
    dtype: DType
    written: bool = False

    def declaration(self) -> str:
        return f"{'Output' if self.written else 'Input'}<{c_type(self.dtype)}> {self.name}"


@dataclass(frozen=True)
class ScratchParameter:
    """The address of `count` elements of `dtype`: a workspace in the arena, or counters."""

    name: str
    dtype: DType
    count: Dim
    space: Literal["arena", "counters"] = "arena"

    @property
    def type(self) -> TensorType:
        """The type of the buffer at the launch level."""
        return TensorType((self.count,), self.dtype)

    def declaration(self) -> str:
        return f"Output<{c_type(self.dtype)}> {self.name}"


@dataclass(frozen=True)
class TensorMapParameter:
    """A descriptor for bulk copies; `map.operand` counts the buffers and scratch parameters."""

    name: str
    map: TensorMap

    def declaration(self) -> str:
        return f"const GLASS_TENSOR_MAP {self.name}"


@dataclass(frozen=True)
class ScalarParameter:
    """The value of a symbol; `wide` where 32 bits do not hold what is computed with it."""

    name: str
    symbol: str
    wide: bool = False

    def declaration(self) -> str:
        return f"const {'i64' if self.wide else 'int'} {self.name}"


Parameter = BufferParameter | ScratchParameter | TensorMapParameter | ScalarParameter


def declarations(parameters: Iterable[Parameter]) -> Code:
    """The parameter list of a kernel's C signature."""
    return Code(", ".join(parameter.declaration() for parameter in parameters))


def scratch_of(parameters: Iterable[Parameter]) -> list[ScratchParameter]:
    """The scratch memory among PARAMETERS."""
    return [parameter for parameter in parameters if isinstance(parameter, ScratchParameter)]


def maps_of(parameters: Iterable[Parameter]) -> list[TensorMap]:
    """The tensor maps among PARAMETERS."""
    return [parameter.map for parameter in parameters if isinstance(parameter, TensorMapParameter)]


def under(parameters: Sequence[Parameter], values: Mapping[str, Dim]) -> tuple[Parameter, ...]:
    """PARAMETERS with the symbols in the sizes of scratch memory and tensor maps under VALUES."""
    return tuple(_under(parameter, values) for parameter in parameters)


def _under(parameter: Parameter, values: Mapping[str, Dim]) -> Parameter:
    if isinstance(parameter, ScratchParameter):
        return replace(parameter, count=substitute(parameter.count, values))
    if isinstance(parameter, TensorMapParameter):
        return replace(parameter, map=parameter.map.substituted(values))
    return parameter
