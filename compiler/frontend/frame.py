"""The names that the nodes of one graph or function body can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...dialects.core.dtypes import F32
from ...dialects.core.types import TensorType
from .call import Environment
from .tensor import Tensor

# The result of a node that is unsupported or depends on an unsupported one; nothing is known about it.
LOST = Tensor(TensorType((), F32))


@dataclass
class Frame:
    """The names visible to the nodes of one graph or function body. None: absent (an optional input).

    outer: the frame around a subgraph, whose names its nodes see, too.
    nested: whether these are nodes of a subgraph, whose node is imported again where symbols are replaced.
    """

    opsets: Mapping[str, int]
    environment: Environment = field(default_factory=dict)
    prefix: str = ""
    depth: int = 0
    standard: bool = False  # whether this is the body of a standard op, whose nodes have no names
    tensors: dict[str, Tensor | None] = field(default_factory=dict)
    late: Callable[[str], Tensor | None] = lambda name: None  # initializers, read when first used
    outer: Frame | None = None
    nested: bool = False

    def find(self, name: str) -> Tensor | None:
        """The tensor called NAME. Raises LookupError when there is none."""
        if name not in self.tensors:
            found = self.late(name)
            if found is None:
                if self.outer is None:
                    raise LookupError(name)
                return self.outer.find(name)
            self.tensors[name] = found
        return self.tensors[name]
