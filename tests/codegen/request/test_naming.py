"""Names of kernels are equal exactly when what the source depends on is."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.request.naming import kernel_name, request_signature
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import LeakyRelu

from ..requests import request_for


def named(alpha: float = 0.5, hint: str = "", size: int = 4, most: int = 8, dtype=F32):
    def body(do, x):
        value = do(LeakyRelu(x, alpha=alpha))
        value.hint = hint
        return [value]

    return request_for(body, [TensorType((symbol("S0"), size), dtype)], {"S0": (1, 2, most)})


def test_what_the_source_depends_on_is_in_the_name() -> None:
    request = named()
    name = kernel_name(request, "loop", {"width": 4})
    assert name == kernel_name(named(hint="y"), "loop", {"width": 4})
    others = [
        *(kernel_name(each, "loop", {"width": 4}) for each in (named(0.25), named(size=5), named(most=9))),
        kernel_name(named(dtype=F16), "loop", {"width": 4}),
        kernel_name(request, "row", {"width": 4}),
        kernel_name(request, "loop", {"width": 8}),
        kernel_name(replace(request, target=arch_named("sm_80")), "loop", {"width": 4}),
        kernel_name(replace(request, weights=frozenset({0})), "loop", {"width": 4}),
        kernel_name(replace(request, given=frozenset({0})), "loop", {"width": 4}),
    ]
    assert len({name, *others}) == 10


def test_the_order_of_a_configuration_is_no_part_of_it() -> None:
    request = named()
    assert kernel_name(request, "loop", {"a": 1, "b": 2}) == kernel_name(request, "loop", {"b": 2, "a": 1})


def test_a_signature_is_what_is_asked_for_whoever_runs_it() -> None:
    request = named()
    signature = request_signature(request)
    assert signature.startswith("leaky_relu_") and signature == request_signature(named(hint="y"))
    assert signature == request_signature(replace(request, target=arch_named("sm_80"), name="other"))
    others = [
        *(request_signature(each) for each in (named(0.25), named(size=5), named(most=9), named(dtype=F16))),
        request_signature(replace(request, weights=frozenset({0}))),
        request_signature(replace(request, given=frozenset({0}))),
        request_signature(replace(request, optimum={"S0": 3})),
    ]
    assert len({signature, *others}) == 8
