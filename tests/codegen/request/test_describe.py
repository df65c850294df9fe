"""Names of kernels from their ops alone."""

from __future__ import annotations

from glassrt.codegen.request.describe import label, ops_in, title
from glassrt.codegen.request.naming import kernel_name
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise import Cast

from ..requests import request_for

VECTOR = TensorType((4,), F32)


def chain(count: int):
    def body(do, x):
        for _ in range(count):
            x = do(Relu(x))
        return [do(Cast(do(Add(x, x)), to=F16))]

    return request_for(body, [VECTOR])


def test_the_ops_in_order() -> None:
    request = chain(2)
    assert title(request) == "relu, relu, add, cast" and ops_in(request.region) == "relu, relu, add"
    assert label(request) == "relu_add"


def test_many_are_cut_and_none_is_a_copy() -> None:
    assert title(chain(20)) == ", ".join(["relu"] * 12) + ", and 10 more"
    nothing = request_for(lambda do, x: [do(Cast(x, to=F16))], [VECTOR])
    assert (title(nothing), ops_in(nothing.region), label(nothing)) == ("cast", "copy", "copy")
    assert title(request_for(lambda do, x: [x], [VECTOR])) == "copy"


def test_kernel_names_begin_with_the_label() -> None:
    assert kernel_name(chain(1), "loop", {}).startswith("k_relu_add_")
