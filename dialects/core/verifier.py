"""Generic verification: what every op promises by its declaration, plus its own rules."""

from __future__ import annotations

from .affine import linear_symbol
from .diagnostics import op_error
from .dialect import DialectSet
from .ir import Block, Function, Module, Operation, Value
from .traits import Trait, has
from .types import symbols_in


def verify(module: Module, dialects: DialectSet | None = None) -> None:
    """Raise IRError for the first rule that MODULE breaks. Linear in its size."""
    for function in module.functions:
        _verify_block(function.block, set(), dialects)
        bound = _bound_symbols(function)
        for argument in function.arguments:
            _verify_symbols(function.block.first, argument.type, module, bound)
        for op in function.walk():
            for value in (*op.attributes.values(), *(result.type for result in op.results)):
                _verify_symbols(op, value, module, bound)


def _bound_symbols(function: Function) -> set[str]:
    """The symbols that the sizes of FUNCTION's inputs tell, and those that are derived from them."""
    dims = (dim for argument in function.arguments for dim in argument.type.shape)
    bound = {found[0] for dim in dims if (found := linear_symbol(dim)) is not None}
    derived = function.module.derived if function.module is not None else {}
    for name, definition in derived.items():
        if definition.symbols <= bound:
            bound.add(name)
    return bound


def _verify_symbols(op: Operation | None, value: object, module: Module, bound: set[str]) -> None:
    named = symbols_in(value)
    if not named or op is None:
        return
    if unknown := named - module.symbols.keys():
        raise op_error(op, f"the module declares no symbol '{min(unknown)}'", "add `symbol NAME in [..]`")
    if unbound := named - bound:
        name = min(unbound)
        hint = f"make '{name}' a dimension of an input, or write a number instead"
        raise op_error(op, f"it needs the symbol '{name}', to which no input gives a value", hint)


def _verify_block(block: Block, visible: set[Value], dialects: DialectSet | None) -> None:
    known = visible | set(block.arguments)
    for op in block:
        _verify_op(op, known, dialects)
        for region in op.regions:
            for inner in region.blocks:
                # A region of a kernel sees only its own arguments: what it reads is listed as operands.
                _verify_block(inner, set(), dialects)
        known.update(op.results)
    if block.last is None or not has(block.last, Trait.TERMINATOR):
        raise (
            ValueError("a block must end with a terminator")
            if block.last is None
            else op_error(block.last, "stands last in its block but is no terminator")
        )


def _verify_op(op: Operation, known: set[Value], dialects: DialectSet | None) -> None:
    if dialects is not None and dialects.get(op.name) is not type(op):
        raise op_error(op, "does not belong to this level")
    for index, value in enumerate(op.operands):
        if value is not None and value not in known:
            raise op_error(op, f"operand {index} is not defined before this operation")
        if value is not None and (op, index) not in value.uses:
            raise op_error(op, f"operand {index} does not know of this use")
    if has(op, Trait.TERMINATOR) and op.next is not None:
        raise op_error(op, "a terminator must stand last in its block")
    op.spec.check_operands(op)
    _verify_types(op)
    op.verify()


def _verify_types(op: Operation) -> None:
    """The result types must be those that the operands imply, up to layout."""
    if type(op).infer is Operation.infer:
        return
    inferred = tuple(op.infer())
    actual = tuple(value.type for value in op.results)
    if len(inferred) != len(actual):
        raise op_error(op, f"has {len(actual)} results, {len(inferred)} are implied")
    for index, (want, have) in enumerate(zip(inferred, actual, strict=True)):
        if (want.shape, want.dtype) != (have.shape, have.dtype):
            raise op_error(op, f"result {index} is {have}, but {want} is implied by its operands")
