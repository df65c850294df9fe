"""The calling convention of kernels: one ordered list of typed parameters, the single source for all users.

A kernel takes, in this order:

1. `BufferParameter`, not written: the address of each buffer that it reads (`Input<T> x0, x1, ...`);
2. `BufferParameter`, written: the address of each buffer that it writes (`Output<T> y0, ...`);
3. `ScratchParameter`: the address of each scratch buffer (`Output<T> name`), with an element type and a size
   of its own. A workspace is uninitialised and its content is not kept. Counters are words that are zero
   whenever no kernel runs: a kernel that uses them resets them to zero;
4. `TensorMapParameter`: a descriptor for bulk copies (TMA), 128 bytes by value
   (`const GLASS_TENSOR_MAP name`), over one of the buffers above, whose address it holds;
5. `ScalarParameter`: each size that the code uses (`const int s0`, or `i64`), in order of symbols;
6. `SizeParameter`: each size by which kernels with the same code differ (`const int size0`).

1 to 3 are the operands of the launch level's `launch.kernel`, in the same order; 4 are its `maps`; 6 are
known to the plan alone (`plan/sharing.py`). Everything else is derived from this list: the C declaration
(`declarations`), the arguments of a group's members (`families/group/family.py`), the scratch buffers of a
launch, the check of hand-written launches (`plan/sources.py`), and the kernels and launches of a plan
(`plan/manifest.py`). The runtime packs the arguments of a launch by the plan's parameters, on the GPU and on
the host device alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...dialects.core.affine import Dim
from ...dialects.core.affine_traversal import substitute
from ...dialects.core.dtypes import DType
from ...dialects.core.tensor_map import TensorMap
from ...dialects.core.types import TensorType
from ..text.literals import c_type
from ..text.render import Code


@dataclass(frozen=True)
class BufferParameter:
    """The address of a buffer of `dtype` elements, which the kernel reads, or writes if `written`."""

    name: str
    dtype: DType
    written: bool = False

    def declaration(self) -> str:
        """The C declaration of the parameter."""
        return f"{'Output' if self.written else 'Input'}<{c_type(self.dtype)}> {self.name}"


@dataclass(frozen=True)
class ScratchParameter:
    """The address of `count` elements of `dtype` of scratch memory: a workspace in the arena, or counters."""

    name: str
    dtype: DType
    count: Dim
    space: Literal["arena", "counters"] = "arena"

    @property
    def type(self) -> TensorType:
        """The type of the buffer at the launch level."""
        return TensorType((self.count,), self.dtype)

    def declaration(self) -> str:
        """The C declaration of the parameter."""
        return f"Output<{c_type(self.dtype)}> {self.name}"


@dataclass(frozen=True)
class TensorMapParameter:
    """A tensor map: the descriptor of bulk copies from or to one buffer.

    `map.operand` is the position of that buffer among the buffer and scratch parameters.
    """

    name: str
    map: TensorMap

    def declaration(self) -> str:
        """The C declaration of the parameter."""
        return f"const GLASS_TENSOR_MAP {self.name}"


@dataclass(frozen=True)
class ScalarParameter:
    """The value of a symbol: 32 bits, or 64 bits if `wide`, where offsets may overflow an int."""

    name: str
    symbol: str
    wide: bool = False

    def declaration(self) -> str:
        """The C declaration of the parameter."""
        return f"const {'i64' if self.wide else 'int'} {self.name}"


@dataclass(frozen=True)
class SizeParameter:
    """A size, 32 bits: `value` in every launch of this kernel; other kernels that share its code have other
    values."""

    name: str
    value: int

    def declaration(self) -> str:
        """The C declaration of the parameter."""
        return f"const int {self.name}"


# One parameter of a kernel: a buffer, scratch memory, a tensor map, the value of a symbol, or a size.
Parameter = BufferParameter | ScratchParameter | TensorMapParameter | ScalarParameter | SizeParameter


def declarations(parameters: Iterable[Parameter]) -> Code:
    """The parameter list of a kernel's C signature."""
    return Code(", ".join(parameter.declaration() for parameter in parameters))


def scratch_of(parameters: Iterable[Parameter]) -> list[ScratchParameter]:
    """The scratch parameters of a kernel with PARAMETERS, in order: its workspaces and counters."""
    return [parameter for parameter in parameters if isinstance(parameter, ScratchParameter)]


def maps_of(parameters: Iterable[Parameter]) -> list[TensorMap]:
    """The tensor maps (descriptors of bulk copies) of a kernel with PARAMETERS, in order."""
    return [parameter.map for parameter in parameters if isinstance(parameter, TensorMapParameter)]


def under(parameters: Sequence[Parameter], values: Mapping[str, Dim]) -> tuple[Parameter, ...]:
    """PARAMETERS with VALUES substituted for the symbols in sizes of scratch memory and tensor maps."""
    return tuple(_under(parameter, values) for parameter in parameters)


def _under(parameter: Parameter, values: Mapping[str, Dim]) -> Parameter:
    if isinstance(parameter, ScratchParameter):
        return replace(parameter, count=substitute(parameter.count, values))
    if isinstance(parameter, TensorMapParameter):
        return replace(parameter, map=parameter.map.substituted(values))
    return parameter
