"""The CUDA body of a custom op: what its kernel executes, and how it is launched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.affine import Dim
from ..core.dtypes import DType


@dataclass(frozen=True)
class Scratch:
    """`count` elements of `dtype` that a kernel may write and read again; their content is not kept."""

    dtype: DType
    count: Dim


@dataclass(frozen=True)
class CudaBody:
    """The kernel of a custom op, for its element types and sizes.

    text: the statements of a function. It sees the buffers under the names of the op's operands and of its
    result (`Input<T>`, `Output<T>`, of as many elements as their types say, row-major), `scratch` likewise,
    the sizes as integers, and `block`, the number of its block from 0 to `blocks`. `x_type` is the element
    type of the buffer `x`. All intrinsics of templates/include may be called, and nothing else: with them
    the same text runs on a GPU and, as C++, on the host.

    functions: text before it: functions, which are GLASS_DEVICE, and types.
    blocks: how many blocks are launched, of `threads` threads each; `shared`: the bytes of dynamic shared
    memory of each, which GLASS_DYNAMIC_SHARED(name) declares; `resident`: how many of them the compiler
    leaves registers for on a multiprocessor.
    constants: integers that the compiler of the kernel knows; sizes: integers that it is passed, which may be
    made of symbols.
    """

    text: str
    blocks: Dim
    threads: int
    shared: int = 0
    resident: int = 1
    functions: str = ""
    constants: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, Dim] = field(default_factory=dict)
    scratch: Mapping[str, Scratch] = field(default_factory=dict)
