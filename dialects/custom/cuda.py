"""The CUDA body of a custom op: what its kernel executes, and how it is launched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..core.affine import Affine, Dim
from ..core.dtypes import DType


@dataclass(frozen=True)
class Scratch:
    """`count` elements of `dtype` that a kernel may write and read again; their content is not kept."""

    dtype: DType
    count: Dim

    def __post_init__(self) -> None:
        _require("a scratch's dtype", isinstance(self.dtype, DType), self.dtype, "an element type")
        _require("a scratch's count", _is_count(self.count), self.count, "a size of at least 0")


@dataclass(frozen=True)
class CudaBody:
    """The kernel of a custom op, for given element types and sizes.

    text: the statements of a function. It sees the buffers under the names of the op's operands and results
    (`Input<T>`, `Output<T>`, row-major, with as many elements as their types say), `scratch` likewise, the
    sizes as integers, and `block`, the block index from 0 to `blocks`. `x_type` is the element type of the
    buffer `x`. It may call all intrinsics of templates/include, and nothing else, so that the same text runs
    on a GPU and, as C++, on the host. functions: text before it: functions, which are GLASS_DEVICE, and
    types.

    blocks: the number of blocks launched, of `threads` threads each; `shared`: the bytes of dynamic shared
    memory per block, which GLASS_DYNAMIC_SHARED(name) declares; `resident`: the occupancy, in blocks per
    multiprocessor, that the compiler leaves registers for. constants: integers known at compile time; sizes:
    integers passed as arguments, which may be symbolic.

    Raises TypeError for a field of another kind.
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

    def __post_init__(self) -> None:
        for name in ("text", "functions"):
            _require(name, isinstance(getattr(self, name), str), getattr(self, name), "a text")
        for name, least in (("threads", 0), ("shared", 0), ("resident", 1)):
            value = getattr(self, name)
            _require(name, is_integer(value) and value >= least, value, f"an integer of at least {least}")
        _require("blocks", _is_count(self.blocks), self.blocks, "a size of at least 0")
        self._check("constants", is_integer, "a plain integer; a size that varies is one of `sizes`")
        self._check("sizes", is_dim, "a size")
        self._check("scratch", lambda value: isinstance(value, Scratch), "a custom.Scratch")

    def _check(self, name: str, is_right: Callable[[object], bool], what: str) -> None:
        """Raise TypeError unless the field NAME maps names to values for which IS_RIGHT holds."""
        given = getattr(self, name)
        _require(name, isinstance(given, Mapping), given, "a mapping from names")
        for key, value in given.items():
            _require(f"a name of {name}", isinstance(key, str), key, "a text")
            _require(f"{name}[{key!r}]", is_right(value), value, what)


def is_integer(value: object) -> bool:
    """Whether VALUE is a plain integer of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def is_dim(value: object) -> bool:
    """Whether VALUE is a size: a plain or a symbolic integer."""
    return isinstance(value, Affine) or is_integer(value)


def _is_count(value: object) -> bool:
    """Whether VALUE is a size that is not known to be negative."""
    return isinstance(value, Affine) or (isinstance(value, int) and is_integer(value) and value >= 0)


def _require(name: str, right: bool, value: object, what: str) -> None:
    if not right:
        found = str(value) if isinstance(value, Affine) else repr(value)
        raise TypeError(f"{name} is {found}, which is not {what}")
