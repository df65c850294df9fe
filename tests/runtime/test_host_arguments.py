"""Arguments of kernels on the host."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime.host_arguments import HostBuffer, HostScalar, HostTensorMap
from glassrt.runtime.host_memory import aligned_bytes
from glassrt.runtime.launch_rules import Traversal


def test_buffers_lie_inside_their_arrays() -> None:
    with pytest.raises(DeviceError, match="outside an array of 16 bytes"):
        HostBuffer.of(np.zeros(4, np.float32), 8, 12)
    with pytest.raises(DeviceError, match="contiguous"):
        HostBuffer.of(np.zeros((4, 4), np.float32)[:, 1])


@pytest.mark.parametrize(
    "scalar", [HostScalar("i32", 2**31), HostScalar("u32", -1), HostScalar("i64", 2**63)]
)
def test_scalars_fit_their_kind(scalar: HostScalar) -> None:
    with pytest.raises(DeviceError, match="does not fit a scalar"):
        scalar.pack()


@pytest.mark.parametrize(
    ("dims", "strides", "traversal", "message"),
    [
        ((8, 8), (), Traversal((8, 4)), "a tensor map has 0 strides for 2 dimensions"),
        ((8, 8), (8,), Traversal((8, 4)), "a tensor map has a stride of 8 bytes"),
        ((8, 8), (16,), Traversal((8, 512)), "a tensor map has a box size of 512"),
        ((8, 0), (16,), Traversal((8, 4)), "a tensor map has a size of 0"),
        ((8, 8, 8), (16, 16), Traversal((8, 4, 1), interleave="16B"), "no interleaved tensor maps"),
    ],
)
def test_tensor_maps_are_checked(
    dims: tuple[int, ...], strides: tuple[int, ...], traversal: Traversal, message: str
) -> None:
    buffer = HostBuffer.of(aligned_bytes(1024))
    assert len(HostTensorMap(buffer, "f16", (8, 8), (16,), Traversal((8, 4))).pack()) == 128
    with pytest.raises(DeviceError, match=message):
        HostTensorMap(buffer, "f16", dims, strides, traversal).pack()
