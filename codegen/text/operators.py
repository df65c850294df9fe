"""Prints the functions of the scalar expression language as CUDA operators and calls."""

from __future__ import annotations

from ...dialects.core.dtypes import BOOL, DType

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
}
_LOGIC = {"and": "&&", "or": "||", "xor": "!="}
_BITS = {"bitand": "&", "bitor": "|", "bitxor": "^"}


def spelled(function: str, operands: list[str], dtype: DType) -> str:
    """FUNCTION applied to OPERANDS as C text: infix, or a call of `m_<function>`; arithmetic is in DTYPE."""
    if function in _LOGIC and dtype == BOOL:
        return f"{operands[0]} {_LOGIC[function]} {operands[1]}"
    if function == "not":
        return f"!{operands[0]}"
    if function in _BITS:
        return _narrowed(f"{operands[0]} {_BITS[function]} {operands[1]}", dtype)
    if function in _INFIX and (dtype.is_float or _gives_bool(function)):
        return f"{operands[0]} {_INFIX[function]} {operands[1]}"
    return f"m_{function}({', '.join(operands)})"


def _gives_bool(function: str) -> bool:
    return function in ("lt", "le", "gt", "ge", "eq")


def _narrowed(text: str, dtype: DType) -> str:
    # C promotes short integers to int, so the result is converted back.
    return f"{dtype.name}({text})" if dtype.bits < 32 else text
