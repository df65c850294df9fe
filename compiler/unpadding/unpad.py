"""unpad: a model of padded batches becomes one of rows of tokens, without rows for padding.

The caller names the mask that says which tokens are there. What is computed for each token is computed on
rows, [T, ..] in place of [N, S, ..]; attention is that of sequences which lie behind one another. That no
other op mixes tokens is proved op by op; one that may is named by the error that ends the build.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.diagnostics import op_error
from ...dialects.core.dtypes import I32
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module, SymbolRange, Unpadded
from ...dialects.core.types import TensorType
from ...errors import InputError, UnsupportedError
from ...runtime.unpadded import OFFSETS, PLACES, POSITIONS, STEP, TOKENS, named
from ..passes.ledger import Verdict
from ..passes.manager import PassContext
from .padding_mask import MaskFunctions
from .places import TokenPlace
from .rewriting import Mixes, Packed, Rewriting
from .rows import TokenRows
from .rules import RULES


class Unpad:
    """Rewrites the main function if the caller has named the mask of its padding.

    Raises InputError for what is no such mask, UnsupportedError where tokens are mixed.
    """

    name = "unpad"

    def run(self, module: Module, context: PassContext) -> Module:
        if context.unpadded is None or module.unpadded is not None:
            return module
        mask = _mask(module, context.unpadded)
        n, s = mask.type.shape
        rows = TokenRows(module, (n, s, _tokens(module, n, s)), {})
        rows.arguments.update(_added(module, context.unpadded, rows))
        own = Rewriting(rows, MaskFunctions(module, mask, rows), RULES)
        returned = list(module.main.returned)
        ops = list(module.main.block)
        _enter(own, module, mask)
        for op in ops:
            rows.anchor = op
            _step(own, op)
        if not own.attended:
            text = f"no attention leaves out the padding that the mask '{context.unpadded}' says"
            raise UnsupportedError(text, "name the mask of the tokens that are there")
        module.unpadded = Unpadded(context.unpadded, _padded(own, module.main.outputs, returned))
        reason = f"padding of '{context.unpadded}' is left out: {own.attended} attentions of rows of tokens"
        context.ledger.add(self.name, Verdict.TAKEN, reason)
        return module


def _mask(module: Module, name: str) -> Value:
    function = module.main
    if name not in function.inputs:
        raise InputError(f"unpadded: there is no input '{name}'", f"there are {', '.join(function.inputs)}")
    mask = function.arguments[function.inputs.index(name)]
    if mask.type.rank != 2:
        raise InputError(
            f"unpadded: the input '{name}' is {mask.type}, a mask of [sequences, tokens] is expected"
        )
    return mask


def _tokens(module: Module, n: Dim, s: Dim) -> Dim:
    """The number of rows, a multiple of STEP, by a new symbol."""
    names = ("T", *(f"T{number}" for number in range(len(module.symbols))))
    name = next(each for each in names if each not in module.symbols)
    least, usual, most = (
        evaluate(n, module.values_at(end)) * evaluate(s, module.values_at(end))
        for end in ("minimum", "optimum", "maximum")
    )
    steps = max(1, -(-most // STEP))
    optimum = min(steps, max(1, -(-usual // (2 * STEP))))
    module.symbols[name] = SymbolRange(int(least > 0), optimum, steps)
    return STEP * symbol(name)


def _added(module: Module, mask: str, rows: TokenRows) -> dict[str, Value]:
    """The inputs that say where tokens lie, by role."""
    shapes = {TOKENS: (rows.t,), POSITIONS: (rows.t,), OFFSETS: (rows.n + 1,), PLACES: (rows.n, rows.s)}
    found = {}
    for role, shape in shapes.items():
        name = named(mask, role)
        if name in module.main.inputs:
            raise InputError(f"unpadded: the model has an input '{name}' of its own", "rename it")
        module.main.inputs.append(name)
        found[role] = module.main.block.add_argument(TensorType(shape, I32), name)
    return found


def _enter(own: Rewriting, module: Module, mask: Value) -> None:
    """Give rows to the inputs that have elements for each token."""
    for value in module.main.arguments[: -len(own.rows.arguments)]:
        if value is not mask and value.type.shape[:2] == mask.type.shape:
            own.packed[value] = Packed(own.rows.pack(value, TokenPlace(0, 1)), TokenPlace(0, 1))


def _padded(own: Rewriting, names: Sequence[str], returned: Sequence[Value]) -> dict[str, tuple[int, ...]]:
    """The axes of sequences and tokens of outputs that have rows, by name; RETURNED: what they were."""
    pairs = zip(names, returned, strict=True)
    return {name: own.packed[value].place.axes for name, value in pairs if value in own.packed}


def _step(own: Rewriting, op: Operation) -> None:
    """Rewrite OP if what it reads has rows."""
    if op.next is None:  # the terminator
        for index, value in enumerate(op.inputs):
            op.set_operand(index, own.padded(value))
        return
    inside = {value for each in op.walk() if each is not op for value in each.inputs}
    if not any(value in own.packed for value in op.inputs) and not inside & own.packed.keys():
        own.keep(op)
        return
    try:
        own.rewrite(op)
    except Mixes as why:
        text = f"it keeps padding in the batch: {why}"
        hint = "build the model with padding, or move what mixes tokens out of it"
        raise UnsupportedError.of(op_error(op, text, hint).diagnostic) from None
