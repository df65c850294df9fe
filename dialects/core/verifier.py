"""The verifier: the rules that follow from every op's declaration, and the op's own rules."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from operator import is_

from ...errors import IRError, UnsupportedError
from .affine_traversal import linear_symbol
from .contents import verify_contents
from .cuts import verify_cuts
from .defaults import verify_defaults
from .diagnostics import function_error, op_error
from .dialect import DialectSet
from .ir import EDITS, Block, Operation, Value
from .module import Function, Module
from .parts import ArgumentAt, AttributeAt, OperandAt, ResultAt, SymbolIn
from .traits import Trait, has
from .types import symbols_in
from .unpadded import verify_unpadded
from .unranked import verify_unranked
from .visibility import unseen_operand

PLAIN = frozenset({type(None), bool, int, float, str})  # types of attributes that contain no symbols


class VerifiedOps:
    """A cache of verified operations: an op's own rules need not be checked again until an operand's type, an
    attribute or a result's type has changed. Ops with regions are always checked."""

    def __init__(self) -> None:
        self._symbols: object = None
        self._held: dict[Operation, tuple[object, ...]] = {}
        self._seen: dict[Operation, tuple[object, ...]] = {}
        self._whole: tuple[Module, int] | None = None
        self.tried: list[Operation] = []

    def settled(self, module: Module) -> bool:
        """Whether nothing was edited since all rules held for MODULE."""
        whole, symbols = self._whole, (dict(module.symbols), [_bound_symbols(f) for f in module.functions])
        return (
            whole is not None and whole[0] is module and whole[1] == EDITS.count and symbols == self._symbols
        )

    def begin(self, symbols: object) -> None:
        """Begin to verify a module whose symbols are SYMBOLS."""
        if symbols != self._symbols:
            self._symbols, self._held = symbols, {}
        self._seen, self._whole, self.tried = {}, None, []

    def holds(self, op: Operation) -> bool:
        """Whether nothing that OP's rules depend on has changed since they held."""
        held = self._held.get(op)
        look = self._seen[op] = _look(op)
        if held is None or op.regions or len(held) != len(look) or not all(map(is_, held, look)):
            self.tried.append(op)
            return False
        return True

    def end(self, module: Module) -> None:
        """Record that all rules hold for MODULE."""
        self._held, self._whole = self._seen, (module, EDITS.count)


def _look(op: Operation) -> tuple[object, ...]:
    operands = [value if value is None else value.type for value in op.operands]
    return (*operands, *op.attributes.values(), *[value.type for value in op.results])


def verify(module: Module, dialects: DialectSet | None = None, verified: VerifiedOps | None = None) -> None:
    """Raise IRError for the first rule that MODULE violates. Takes linear time.

    JUDGED is the cache of earlier calls for the same module, which may have changed since.
    """
    verified = VerifiedOps() if verified is None else verified
    verify_contents(module)
    verify_defaults(module)
    verify_unranked(module)
    verify_unpadded(module)
    verify_cuts(module)
    bound = [_bound_symbols(function) for function in module.functions]
    verified.begin((dict(module.symbols), bound))
    for function, told in zip(module.functions, bound, strict=True):
        first = len(verified.tried)
        _verify_names(function)
        _verify_block(function.block, set(), dialects, verified)
        for argument in function.arguments:
            if problem := _of_symbols(argument.type, module, told):
                name, message, hint = problem
                raise function_error(function, message, hint, at=SymbolIn(ArgumentAt(argument.index), name))
        for op in verified.tried[first:]:
            _verify_symbols(op, module, told)
    verified.end(module)


def _verify_names(function: Function) -> None:
    """Check that no two inputs, and no two outputs, of FUNCTION have one name: a run passes them by name."""
    for key, names in (("inputs", function.inputs), ("outputs", function.outputs)):
        if repeated := next((name for name, times in Counter(names).items() if times > 1), None):
            raise function_error(function, f"has two {key} called '{repeated}'", at=AttributeAt(key))


def _bound_symbols(function: Function) -> set[str]:
    """The symbols that the sizes and contents of FUNCTION's inputs determine, and those derived from them."""
    module = function.module or Module()
    dims = chain(*(argument.type.shape for argument in function.arguments), *module.contents.values())
    bound = {found[0] for dim in dims if (found := linear_symbol(dim)) is not None}
    derived = module.derived
    for name, definition in derived.items():
        if definition.symbols <= bound:
            bound.add(name)
    return bound


def _verify_symbols(op: Operation, module: Module, bound: set[str]) -> None:
    for result in op.results:
        if problem := _of_symbols(result.type, module, bound):
            name, message, hint = problem
            raise op_error(op, message, hint, at=SymbolIn(ResultAt(result.index), name))
    for key, value in op.attributes.items():
        if type(value) not in PLAIN and (problem := _of_symbols(value, module, bound)):
            name, message, hint = problem
            raise op_error(op, message, hint, at=SymbolIn(AttributeAt(key), name))


def _of_symbols(value: object, module: Module, bound: set[str]) -> tuple[str, str, str] | None:
    """The invalid symbol in VALUE, what is wrong with it, and a hint; None if all are valid."""
    named = symbols_in(value)
    if not named:
        return None
    if unknown := named - module.symbols.keys():
        name = min(unknown)
        return name, f"the module declares no symbol '{name}'", f"add `symbol {name} in [..]`"
    if unbound := named - bound:
        name = min(unbound)
        hint = f"make '{name}' a dimension or the content of an input, or write a number instead"
        return name, f"it needs the symbol '{name}', to which no input gives a value", hint
    return None


def _verify_block(
    block: Block, known: set[Value], dialects: DialectSet | None, verified: VerifiedOps
) -> None:
    known.update(block.arguments)
    for op in block:
        _verify_op(op, known, dialects)
        if not verified.holds(op):
            _verify_outside(op)
        for region in op.regions:
            for inner in region.blocks:
                # What a region sees: `visibility.py`.
                _verify_block(inner, set(known) if has(op, Trait.OPEN) else set(), dialects, verified)
        if op.regions:
            _verify_inside(op)
        known.update(op.results)
    if block.last is None or not has(block.last, Trait.TERMINATOR):
        raise (
            ValueError("a block must end with a terminator")
            if block.last is None
            else op_error(block.last, "is the last op of its block, but not a terminator")
        )
    holder = block.last.holder
    wanted = "core.return" if holder is None else holder.terminator
    if block.last.name != wanted:
        whose = "a function" if holder is None else f"a region of {holder.name}"
        raise op_error(block.last, f"stands where {wanted} is expected", f"{whose} ends with {wanted}")


def _verify_op(op: Operation, known: set[Value], dialects: DialectSet | None) -> None:
    if dialects is not None and dialects.get(op.name) is not type(op):
        raise op_error(op, "does not belong to this level")
    for index, value in enumerate(op.operands):
        if value is None:
            continue
        if value not in known:
            raise unseen_operand(op, index, value)
        if (op, index) not in value.uses:
            raise op_error(op, f"is not among the uses of its operand {index}", at=OperandAt(index))
    if op.next is not None and has(op, Trait.TERMINATOR):
        raise op_error(op, "a terminator must stand last in its block")


def verify_rules(block: Block) -> None:
    """Check the own rules of the ops in BLOCK, without their context. Raises IRError for the first violation.
    The ops of a region are checked before the op that has the region relies on them."""
    for op in block:
        _verify_outside(op)
        for region in op.regions:
            for inner in region.blocks:
                verify_rules(inner)
        if op.regions:
            _verify_inside(op)


def _verify_outside(op: Operation) -> None:
    """Check the rules of OP that do not depend on what its regions compute."""
    op.spec.check_operands(op)
    op.spec.check_regions(op)
    try:
        if not op.regions:
            _verify_types(op)
        op.verify()
    except UnsupportedError as error:
        raise _located(op, error) from None


def _verify_inside(op: Operation) -> None:
    """Check the rules of OP about what its regions, already verified, compute."""
    try:
        _verify_types(op)
        op.verify_regions()
    except UnsupportedError as error:
        raise _located(op, error) from None


def _located(op: Operation, error: UnsupportedError) -> IRError:
    """An UnsupportedError as an error located at OP."""
    return op_error(op, error.message, error.hint)


def _verify_types(op: Operation) -> None:
    """Check that the result types are the inferred ones, up to layout."""
    if type(op).infer is Operation.infer:
        return
    inferred = op.infer()
    if len(inferred) != len(op.results):
        raise op_error(op, f"has {len(op.results)} results, {len(inferred)} are implied")
    for want, result in zip(inferred, op.results, strict=True):
        have = result.type
        if want.shape != have.shape or want.dtype != have.dtype:
            text = f"result {result.index} is {have}, but {want} is implied by its operands"
            raise op_error(op, text, at=ResultAt(result.index), label=f"{want} is implied")
