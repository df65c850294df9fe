"""Optional inputs: their defaults are stored among the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dtypes import ELEMENT_TYPES, numpy_dtype
from .expressions import LIMIT, clip
from .manifest_fields import Fields, fails
from .plan_digest import Bytes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class DefaultSpec:
    """The default of an optional input: a weight, dense and row-major.

    `dtype` is that of the input, `offset` in bytes, `shape` in elements.
    """

    dtype: str
    offset: int
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * ELEMENT_TYPES[self.dtype].bytes

    def within(self, weights: Bytes) -> Array:
        """The array, a view of WEIGHTS that must not be written to."""
        data = np.frombuffer(weights[self.offset : self.offset + self.bytes], np.uint8)
        array = data.view(numpy_dtype(self.dtype)).reshape(self.shape)
        array.setflags(write=False)
        return array


def parse_defaults(fields: Fields, inputs: Mapping[str, tuple[str, int]]) -> dict[str, DefaultSpec]:
    """The defaults in the manifest FIELDS by name, of INPUTS with these types and ranks.

    Raises `PlanError` for one that does not fit its input or the weights.
    """
    weights = fields.integer("weights_bytes", 0, LIMIT - 1)
    found: dict[str, DefaultSpec] = {}
    for name, value in fields.named("defaults") if "defaults" in fields.values else ():
        place = f"default of {clip(name)}"
        if name not in inputs:
            raise fails(place, "is of no input")
        dtype, rank = inputs[name]
        entry = Fields(value, place)
        shape = entry.integers("shape", 0, LIMIT - 1)
        default = found[name] = DefaultSpec(dtype, entry.integer("offset", 0, weights), shape)
        if len(shape) != rank:
            raise fails(place, f"has {len(shape)} dimensions, the input has {rank}")
        if default.offset + default.bytes > weights:
            raise fails(place, "reaches beyond the weights")
    return found
