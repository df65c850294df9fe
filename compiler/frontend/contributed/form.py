"""The form of ONNX Runtime's own ops, since the onnx package has no schemas of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onnx import AttributeProto, NodeProto

from ..problems import Malformed, shown
from ..table import Importer

NO_LIMIT = (1 << 31) - 1
CONV = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")


@dataclass(frozen=True)
class Contributed:
    """An op: its importer, the least and largest number of its inputs, its attributes, and its largest number
    of outputs."""

    importer: Importer
    least: int
    most: int
    attributes: frozenset[str] = frozenset()
    outputs: int = 1

    def check_form(self, node: NodeProto, attributes: Mapping[str, AttributeProto]) -> None:
        """Raise Malformed unless the op's definition allows the inputs, outputs and attributes of NODE."""
        if not self.least <= len(node.input) <= self.most:
            raise Malformed(f"it has {len(node.input)} inputs, {self._inputs} are expected")
        if not 1 <= len(node.output) <= self.outputs:
            most = f"1 to {self.outputs} are" if self.outputs > 1 else "1 is"
            raise Malformed(f"it has {len(node.output)} outputs, {most} expected")
        for name in attributes:
            if name not in self.attributes:
                raise Malformed(f"the op has no attribute {shown(name)}")

    @property
    def _inputs(self) -> str:
        if self.most == self.least:
            return str(self.least)
        return f"{self.least} or more" if self.most == NO_LIMIT else f"{self.least} to {self.most}"


OwnOps = Mapping[str, Contributed]
"""The ops of a family, by name."""


def op(
    importer: Importer, least: int, most: int, attributes: Iterable[str] = (), outputs: int = 1
) -> Contributed:
    """An op with IMPORTER, LEAST to MOST inputs, ATTRIBUTES and at most OUTPUTS outputs."""
    return Contributed(importer, least, most, frozenset(attributes), outputs)
