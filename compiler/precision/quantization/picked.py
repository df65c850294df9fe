"""Tensors whose elements are selected from another tensor: whether they keep its scale.

  x stored with s: max_pool(x), reshape(x), transpose(x), slice(x) may be stored with s too

That costs nothing, because stored numbers are selected. But the selected elements may be much smaller than
the rest (the channels that a slice takes, say) and lose most of their precision in the steps of that scale.
Such a tensor gets a scale of its own, and is quantized from floats that were not rounded to the other scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ....dialects.core.ir import Block, Operation, Value
from .movement import picks_elements

KEPT = "kept-scale"
QUIETER = 0.5  # share of the other's clip; a tensor with less loses more than one bit in that scale


@dataclass
class Picked:
    """The findings about the STORED tensors (each with its formats), whose CLIPS are given where known.

    sources: for a tensor of selected elements, the nearest stored tensor that it selects from, and the first
    op on the way; owners: for a tensor that keeps another one's scale, the tensor that the scale belongs to;
    apart: ops that read the float tensor instead of the stored one.
    """

    stored: Mapping[Value, set[str]]
    clips: Mapping[Value, float]
    sources: dict[Value, tuple[Value, Operation]] = field(default_factory=dict)
    owners: dict[Value, Value] = field(default_factory=dict)
    apart: set[Operation] = field(default_factory=set)

    @staticmethod
    def of(block: Block, stored: Mapping[Value, set[str]], clips: Mapping[Value, float]) -> Picked:
        """The findings about BLOCK, in program order."""
        found = Picked(stored, clips)
        for op in block:
            if picks_elements(op):
                x = op.inputs[0]
                source = (x, op) if x in stored else found.sources.get(x)
                if source is not None:
                    found.sources[op.result] = source
                    found._look(op.result, source[0])
        for value in found.owners:  # a tensor between may have got a scale of its own since
            near, _ = found.sources[value]
            found.owners[value] = found.owners.get(near, near)
        return found

    def _look(self, value: Value, source: Value) -> None:
        """Decide about VALUE, whose elements are all selected from SOURCE, if it is stored."""
        if value not in self.stored:
            return
        owner = self.owners.get(source, source)
        if self._quiet(value, owner):
            self._part(value)
        elif len(self.stored[value]) == 1 and self.stored[source] == self.stored[value]:
            self.owners[value] = owner

    def _quiet(self, value: Value, owner: Value) -> bool:
        """True when VALUE is known to be much smaller than OWNER; a tensor of zeros tells nothing."""
        own = self.clips.get(value, 0.0)
        return 0 < own < QUIETER * self.clips.get(owner, 0.0)

    def _part(self, value: Value) -> None:
        """Select VALUE, and the tensors on the way to it, from floats, before anything is rounded."""
        source, reader = self.sources[value]
        self.apart.add(reader)
        while source in self.owners and source in self.clips:
            del self.owners[source]
            source, reader = self.sources[source]
            self.apart.add(reader)
