"""Runs a conformance case on the host device."""

from __future__ import annotations

import numpy as np
from glassrt.runtime.host import HostModule, Order
from glassrt.runtime.host_arguments import HostBuffer, HostScalar, HostTensorMap
from glassrt.runtime.host_memory import aligned_bytes
from glassrt.runtime.launch_rules import Traversal

from .cases import Array, Case, Map, Out


def aligned(array: Array) -> Array:
    """A copy aligned as GPU allocations are."""
    copy = aligned_bytes(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def run_on_host(module: HostModule, case: Case, order: Order = "forward") -> list[Array]:
    """Launches the case; the outputs in order of its `Out` arguments."""
    copies: dict[int, Array] = {}
    arguments: list[Array | HostScalar | HostTensorMap] = []
    outputs: list[Array] = []

    def copy_of(array: Array) -> Array:
        return copies.setdefault(id(array), aligned(array))

    for argument in case.arguments:
        if isinstance(argument, Out):
            # The same array may be behind a tensor map: both then mean one buffer.
            start = argument.before
            outputs.append(aligned(argument.start()) if start is None else copy_of(start))
            arguments.append(outputs[-1])
        elif isinstance(argument, Map):
            buffer = HostBuffer.of(copy_of(argument.array))
            traversal = Traversal(tuple(argument.box), swizzle=argument.swizzle, rounding=argument.rounding)
            dtype = "f32" if argument.rounding == "tf32" else f"u{8 * argument.array.itemsize}"
            arguments.append(HostTensorMap(buffer, dtype, argument.dims, argument.strides, traversal))
        elif isinstance(argument, int):
            arguments.append(HostScalar("i32", argument))
        else:
            arguments.append(copy_of(argument))
    with np.errstate(all="ignore"):
        module.launch(case.kernel, case.grid, case.block, case.cluster, case.shared_bytes, arguments, order)
    return outputs


def verify(case: Case, outputs: list[Array]) -> None:
    """Every output against the case's expectation."""
    for expected, actual in zip(case.outputs(), outputs, strict=True):
        expected.verify(actual)
