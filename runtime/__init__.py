"""Loads plans and runs them. Needs numpy alone; the cuda device also needs cuda-bindings.

Names are loaded when they are first used: a command says its help without numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors.absent import load_part

if TYPE_CHECKING:
    from .context import Binding, Context
    from .engine import Engine, load
    from .plan import Plan

_LAZY = {
    "Binding": ".context",
    "Context": ".context",
    "Engine": ".engine",
    "Plan": ".plan",
    "load": ".engine",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(load_part(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return __all__


__all__ = ["Binding", "Context", "Engine", "Plan", "load"]
