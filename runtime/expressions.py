"""Integer expressions over symbolic dimensions, in the JSON prefix form that plans carry.

An expression is an integer, a symbol's name, or a list ``[operator, operand, ...]``:

``["+", a, b, ...]``  ``["*", a, b, ...]``  ``["max", a, b, ...]``  ``["min", a, b, ...]``
``["-", a, b]``  ``["floordiv", a, b]``  ``["broadcast", a, b]``: b where a is 1, else a
``["select", c, a, b]``: a where c >= 0, else b

Nothing is ever passed to `eval`; every intermediate value must fit a signed 64-bit integer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from ..errors import PlanError

Expression = int | str | Sequence["Expression"]

MAX_DEPTH = 64
LIMIT = 2**63


class DividesByZero(PlanError):
    """An expression divides by zero for the given symbol values."""


def _floordiv(left: int, right: int) -> int:
    if right == 0:
        raise DividesByZero("an expression in the plan divides by zero")
    return left // right


_VARIADIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "max": lambda a, b: max(a, b),
    "min": lambda a, b: min(a, b),
}
_BINARY: dict[str, Callable[[int, int], int]] = {
    "-": lambda a, b: a - b,
    "floordiv": _floordiv,
    "broadcast": lambda a, b: b if a == 1 else a,
}


def evaluate(expression: object, symbols: Mapping[str, int]) -> int:
    """The value of EXPRESSION for the given symbol values.

    Raises `PlanError` for a malformed expression, an unknown symbol, a division by zero, a value outside the
    signed 64-bit range, or nesting deeper than `MAX_DEPTH`.
    """
    return _evaluate(expression, symbols, 0)


def _evaluate(expression: object, symbols: Mapping[str, int], depth: int) -> int:
    if isinstance(expression, int) and not isinstance(expression, bool):
        return _checked(expression)
    if isinstance(expression, str):
        if expression not in symbols:
            raise PlanError(f"an expression in the plan uses the unknown symbol {clip(expression)}")
        return _checked(symbols[expression])
    if not isinstance(expression, (list, tuple)) or not expression:
        raise PlanError(f"not an expression: {clip(expression)}")
    if depth >= MAX_DEPTH:
        raise PlanError(f"an expression in the plan is nested deeper than {MAX_DEPTH}")
    if expression[0] == "select" and len(expression) == 4:
        condition, yes, no = (_evaluate(operand, symbols, depth + 1) for operand in expression[1:])
        return yes if condition >= 0 else no
    operation = _operation(expression[0], len(expression) - 1)
    operands = (_evaluate(operand, symbols, depth + 1) for operand in expression[1:])
    return reduce(lambda left, right: _checked(operation(left, right)), operands)


def symbols_of(expression: object) -> set[str]:
    """The symbols in a well-formed expression."""
    if isinstance(expression, str):
        return {expression}
    if isinstance(expression, (list, tuple)):
        return {name for operand in expression[1:] for name in symbols_of(operand)}
    return set()


def _operation(operator: object, operands: int) -> Callable[[int, int], int]:
    if isinstance(operator, str):
        if operator in _VARIADIC and operands >= 1:
            return _VARIADIC[operator]
        if operator in _BINARY and operands == 2:
            return _BINARY[operator]
    raise PlanError(f"not an operator with {operands} operands: {clip(operator)}")


def _checked(value: int) -> int:
    if not -LIMIT <= value < LIMIT:
        raise PlanError("a value in the plan does not fit a signed 64-bit integer")
    return value


def clip(value: object, length: int = 80) -> str:
    """VALUE, which is untrusted, as printable text of at most LENGTH characters, for an error message."""
    text = ascii(value) if isinstance(value, str) else _shallow(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def _shallow(value: object) -> str:
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)} entries"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a huge integer"
    return ascii(value)
