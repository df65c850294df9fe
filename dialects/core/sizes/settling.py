"""What a module that was read as text needs of sizes: asked for as an importer does."""

from __future__ import annotations

from ..affine import divisors
from ..diagnostics import op_error
from ..ir import Module, Operation
from ..parts import Part, ResultAt
from .sizes import Conflict, Resized, Sizes

HINT = "mend the sizes, the ranges of the symbols or the constraints"


def settle(module: Module) -> None:
    """Decide every need of MODULE's ops: symbols are determined, constraints added. IRError, located, for
    one that holds for no sizes."""
    sizes = Sizes(module)
    for op in list(module.walk()):
        while not _settled(op, sizes):
            pass


def _settled(op: Operation, sizes: Sizes) -> bool:
    """Whether no symbol was replaced while OP's needs were decided."""
    at: Part | None = None
    try:
        for need in op.needs():
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
