"""Settles the size constraints of a module that was parsed from text, as the importer does for a model."""

from __future__ import annotations

from ..affine import Dim
from ..affine_traversal import divisors
from ..diagnostics import op_error
from ..ir import Operation
from ..module import Module
from ..parts import Part, ResultAt
from .outcomes import Conflict, Resized
from .sizes import Sizes

HINT = "mend the sizes, the ranges of the symbols or the constraints"


def settle(module: Module) -> None:
    """Decide all size constraints of MODULE's ops: determine symbols, add constraints. Raises a located
    IRError for one that cannot hold."""
    sizes = Sizes(module)
    for op in list(module.walk()):
        while True:
            with sizes.assuming(_around(op)):
                if _settled(op, sizes):
                    break


def _around(op: Operation) -> list[Dim]:
    """The sizes that are non-negative where OP runs, by the loops around it."""
    found: list[Dim] = []
    holder = op.holder
    while holder is not None:
        found += holder.repeats()
        holder = holder.holder
    return found


def _settled(op: Operation, sizes: Sizes) -> bool:
    """Decide the requirements of OP; returns whether no symbol was replaced meanwhile."""
    at: Part | None = None
    try:
        for need in op.needs():
            at = need.at
            sizes.require(need, op.location)
        for result in op.results:
            at = ResultAt(result.index)
            for dim in result.type.shape:
                for divisor in divisors(dim):
                    sizes.require_at_least(divisor, 1, "no size is divided by 0", op.location)
                sizes.require_at_least(dim, 0, "no size is negative", op.location)
    except Resized:
        return False
    except Conflict as error:
        raise op_error(op, str(error), HINT, at=at) from None
    return True
