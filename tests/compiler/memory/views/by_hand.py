"""Modules of the precision level, kernel by kernel."""

from __future__ import annotations

from collections.abc import Callable

from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Region, Value
from glassrt.dialects.core.location import Location
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net


class Kernels(Net):
    """A net whose ops are kernels."""

    def kernel(self, body: Callable[..., tuple[Value, ...]], *operands: Value) -> tuple[Value, ...]:
        """The results of a kernel that yields what BODY gives for `do`, which appends an op to the region,
        and the region's arguments."""
        region = Block([value.type for value in operands])
        made = body(lambda op: region.append(op).result, *region.arguments)
        region.append(Yield(*made))
        formats = {"requested": F32, "compute": F32, "accumulate": F32}
        node = Location((f"kernel{self.count}",))
        self.count += 1
        kernel = PrecisionKernel(*operands, root="loop", regions=[Region(region)], loc=node, **formats)
        return tuple(self.function.block.append(kernel).results)


def kernel_of(value: Value) -> PrecisionKernel:
    """The kernel that makes VALUE."""
    assert isinstance(value.producer, PrecisionKernel)
    return value.producer
