"""Inputs of any rank: a plan of elementwise ops takes such an input as the list of its elements, in row-major
order, and gives each result that is computed from it the shape of that input.

`unranked` is a mapping from such results to their inputs, by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from .device import Value
from .expressions import clip

Shapes = Mapping[str, tuple[int, ...]]


def flat(name: str, value: Value, *, kept: bool) -> Value:
    """The elements of VALUE, given for NAME, in the same memory if it is dense.

    Raises `InputError` where they would be a copy of what has to be KEPT.
    """
    if isinstance(value, np.ndarray):
        if kept and not value.flags.c_contiguous:
            raise InputError(f"input {clip(name)} is not contiguous in memory", "bind a contiguous copy")
        return value.reshape(-1)
    return replace(value, shape=(math.prod(value.shape),))


def shaped(results: Mapping[str, Any], unranked: Mapping[str, str], shapes: Shapes) -> dict[str, Any]:
    """RESULTS, in which those of UNRANKED have the SHAPES of their inputs. Tensors in device memory stay
    there."""
    return {
        name: result.reshape(shapes[unranked[name]]) if name in unranked else result
        for name, result in results.items()
    }
