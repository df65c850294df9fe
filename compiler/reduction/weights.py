"""Models whose weights and inputs are simple numbers, which shows which of them matter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
from onnx import numpy_helper

from ..surgery.models import copied
from .candidate import Array, TrialModel, stored

Simple = Callable[[Array], Array]


def _rounded(array: Array) -> Array:
    """Small whole numbers in place of ARRAY: its signs, and what is large of it."""
    with np.errstate(all="ignore"):
        scale = np.nanmedian(np.abs(array.astype(np.float64))) or 1.0
        whole = np.clip(np.rint(np.nan_to_num(array.astype(np.float64) / scale)), -2, 2)
    rounded: Array = whole.astype(array.dtype)
    return rounded


# From the simplest on; each is tried on all that are not simple yet.
SIMPLIFICATIONS: Mapping[str, Simple] = {
    "zeros": np.zeros_like,
    "ones": np.ones_like,
    "small whole numbers": _rounded,
}


def tensors_of(candidate: TrialModel, name: str) -> list[str]:
    """The floating-point weights and inputs of CANDIDATE that are neither as the simplification NAME makes
    them, nor simpler."""
    rank = list(SIMPLIFICATIONS).index(name) + 1
    as_simple = list(SIMPLIFICATIONS.values())[:rank]
    arrays = _floats(candidate).items()
    return [name for name, array in arrays if not any(_equal(made(array), array) for made in as_simple)]


def simplified(candidate: TrialModel, names: Collection[str], simple: Simple) -> TrialModel:
    """CANDIDATE with the weights and inputs NAMES as SIMPLE makes them."""
    model = copied(candidate.model)
    for tensor in model.graph.initializer:
        if tensor.name in names:
            tensor.CopyFrom(stored(tensor.name, simple(numpy_helper.to_array(tensor))))
    feeds = {n: simple(array) if n in names else array for n, array in candidate.feeds.items()}
    return TrialModel(model, feeds)


def _floats(candidate: TrialModel) -> dict[str, Array]:
    arrays = {each.name: numpy_helper.to_array(each) for each in candidate.model.graph.initializer}
    arrays |= candidate.feeds
    return {name: array for name, array in arrays.items() if array.dtype.kind in "fV" and array.size}


def _equal(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()
