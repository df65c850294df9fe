"""What tells calls apart, and where their buffers lie."""

from __future__ import annotations

import pytest
from glassrt.runtime.cuda_call import Addresses, CudaCall, CudaCopy
from glassrt.runtime.program import BoundBuffer, resolve
from glassrt.runtime.unroll import ITERATIONS

from .tiny_plans import affine_plan

PLACES = Addresses(1000, 2000, (3000, 3100), (4000,), 5000)


@pytest.mark.parametrize(
    ("space", "index", "address"),
    [
        ("arena", 0, 1016),
        ("weights", 0, 2016),
        ("input", 1, 3116),
        ("output", 0, 4016),
        (ITERATIONS, 0, 5016),
    ],
)
def test_a_buffer_lies_in_its_space(space: str, index: int, address: int) -> None:
    assert PLACES.of(BoundBuffer("b", space, index, 16, 4)) == address


def test_a_graph_serves_one_shape_one_set_of_addresses_and_its_copies() -> None:
    spec = affine_plan().spec
    two, three = (resolve(spec, {"N": size}) for size in (2, 3))
    copy = CudaCopy("cuMemcpyHtoDAsync", 3000, 9000, 32)
    calls = [
        CudaCall(two, PLACES),
        CudaCall(three, PLACES),
        CudaCall(two, PLACES._replace(outputs=(4096,))),
        CudaCall(two, PLACES, before=(copy,)),
        CudaCall(two, PLACES, after=(copy,)),
        CudaCall(two, PLACES, before=(copy._replace(source=9256),)),
    ]
    assert len({call.key for call in calls}) == len(calls)
    assert CudaCall(resolve(spec, {"N": 2}), PLACES, (copy,)).key == calls[3].key
