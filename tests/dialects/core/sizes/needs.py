"""What the tests of sizes share: modules of given ranges, and needs that are decided one by one."""

from __future__ import annotations

from collections.abc import Mapping

from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import substitute
from glassrt.dialects.core.constraints import Need
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.outcomes import Resized
from glassrt.dialects.core.sizes.sizes import Sizes

H, K, M, N, T = (symbol(name) for name in "HKMNT")
SPAN = (1, 8, 64)
WHY = "something fits"


def known(defaults: str = "", **ranges: tuple[int, int, int]) -> Sizes:
    """Sizes of a module with symbols of these RANGES; nobody chose those of DEFAULTS."""
    module = Module("net", symbols={name: SymbolRange(*span) for name, span in ranges.items()})
    sizes = Sizes(module)
    sizes.defaults |= set(defaults)
    return sizes


def require(sizes: Sizes, *needs: Need) -> None:
    """Every need, again with symbols replaced whenever one is determined."""
    pending = list(needs)
    while pending:
        try:
            sizes.require(pending[0])
        except Resized as change:
            pending = [_replaced(need, change.values) for need in pending]
        else:
            pending.pop(0)


def _replaced(need: Need, values: Mapping[str, Dim]) -> Need:
    left, right = (substitute(dim, values) for dim in (need.left, need.right))
    return need._replace(left=left, right=right)


def constraints(sizes: Sizes) -> list[str]:
    return [str(each) for each in sizes.module.constraints]


def determined(sizes: Sizes) -> dict[str, str]:
    return {name: str(found.dim) for name, found in sizes.module.determined.items()}
