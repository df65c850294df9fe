"""Checks of outputs whose sizes depend on data: `cut "boxes"[0] = "count"` (`runtime/cuts.py`)."""

from __future__ import annotations

from ...runtime.cuts import Cut
from .diagnostics import function_error
from .dtypes import I64
from .module import Function, Module
from .types import TensorType

COUNT = TensorType((), I64)


def verify_cuts(module: Module) -> None:
    """Raise IRError for a cut that does not fit its outputs."""
    seen: set[tuple[str, int]] = set()
    counts = {each.count for each in module.cuts}
    for each in module.cuts:
        _verify(module.main, each)
        if each.output in counts:
            raise function_error(module.main, f"the output '{each.output}' is both a count and cut")
        if (each.output, each.axis) in seen:
            raise function_error(module.main, f"{each} is cut twice")
        seen.add((each.output, each.axis))


def _verify(function: Function, cut: Cut) -> None:
    types = dict(zip(function.outputs, [value.type for value in function.returned], strict=True))
    for name in (cut.output, cut.count):
        if name not in types:
            hint = f"its outputs are {', '.join(types)}" if types else None
            raise function_error(function, f"it has no output '{name}', which is part of a cut", hint)
    if cut.axis >= types[cut.output].rank:
        raise function_error(function, f"{cut} cannot be cut: the output is {types[cut.output]}")
    if types[cut.count] != COUNT:
        text = f"the output '{cut.count}', which states the size of {cut}, is {types[cut.count]}"
        raise function_error(function, text, f"a count is {COUNT}")
