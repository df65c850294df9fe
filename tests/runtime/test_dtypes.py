"""Element types at the boundary of a plan."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import InputError
from glassrt.runtime.dlpack import CPU, export_tensor, import_tensor
from glassrt.runtime.dtypes import ELEMENT_TYPES, element_name, numpy_dtype

NARROW = [name for name, entry in ELEMENT_TYPES.items() if entry.narrow]


@pytest.mark.parametrize("name", NARROW)
def test_what_is_narrower_than_a_byte_is_not_shared(name: str) -> None:
    """DLPack packs it."""
    with pytest.raises(InputError, match=f"{name} cannot be shared"):
        export_tensor(None, 0, (CPU, 0), name, (2,))
    with pytest.raises(InputError, match="not supported"):
        element_name(ELEMENT_TYPES[name].code, ELEMENT_TYPES[name].width, 1)


def test_unsupported_types() -> None:
    for code, bits, lanes in ((5, 64, 1), (2, 32, 4), (0, 4, 1), (99, 8, 1)):
        with pytest.raises(InputError):
            element_name(code, bits, lanes)
    with pytest.raises(InputError, match="cannot be shared"):
        import_tensor(np.array(["text"]), None)


def test_small_floats_are_bits_without_their_package() -> None:
    for name in ("bf16", "f8e4m3", "f8e5m2"):
        assert numpy_dtype(name).itemsize == ELEMENT_TYPES[name].bytes


def test_every_type_goes_through_dlpack_and_numpy() -> None:
    for name, entry in ELEMENT_TYPES.items():
        assert (
            entry.width == (entry.narrow or entry.bytes * 8) and np.dtype(entry.bits).itemsize == entry.bytes
        )
        if not entry.narrow:
            assert element_name(entry.code, entry.width, 1) == name
