"""The text of inline tensors, exact to the bit: `dense<2xf32: 1.0, 2.0>`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .dtypes import DType, from_numpy


def number_texts(array: np.ndarray[Any, Any]) -> list[str]:
    """The numbers as text that parses back to the same bits; NaNs and infinities as bit patterns."""
    dtype = from_numpy(array.dtype)
    if not dtype.is_float:
        return [str(int(number)) for number in array.tolist()]
    with np.errstate(invalid="ignore"):
        wide = array.astype(np.float64)
    texts = list(map(repr, wide.tolist()))
    for at in np.flatnonzero(~np.isfinite(wide)).tolist():
        texts[at] = hex(int.from_bytes(array[at].tobytes(), "little"))
    return texts


def dense_from_text(shape: Sequence[int], dtype: DType, text: str) -> np.ndarray[Any, Any]:
    """The array of SHAPE whose elements TEXT lists. Raises ValueError or OverflowError if it does not fit.

    A hexadecimal number is the bit pattern of a float.
    """
    numbers = text.split(",") if text.strip() else []
    count = prod(shape)
    if count != len(numbers):
        raise ValueError(f"dense<> has {len(numbers)} numbers, its shape needs {count}")
    array = _floats(numbers, dtype) if dtype.is_float else _integers(numbers, dtype)
    return array.reshape(tuple(shape))


def _integers(numbers: Sequence[str], dtype: DType) -> np.ndarray[Any, Any]:
    values = [int(number, 16 if "x" in number else 10) for number in numbers]
    if dtype.kind == "bool" and not set(values) <= {0, 1}:
        raise ValueError("a bool is written 0 or 1")
    return np.array(values, dtype=dtype.numpy)


def _floats(numbers: Sequence[str], dtype: DType) -> np.ndarray[Any, Any]:
    bits = {at: int(number, 16) for at, number in enumerate(numbers) if "x" in number}
    # What stands for bits is 1, which every format has; f8e8m0 has no 0.
    wide = np.array([1.0 if at in bits else float(number) for at, number in enumerate(numbers)], np.float64)
    with np.errstate(over="ignore"):
        array = wide.astype(dtype.numpy)
    lost = ~np.isfinite(array)
    if lost.any():
        raise ValueError(f"{numbers[int(lost.argmax())].strip()} is beyond the range of {dtype}")
    words = array.view(f"<u{dtype.bytes}")
    for at, word in bits.items():
        words[at] = word
    return array
