"""Checks of inputs of any rank: `unranked "y" = "x"` (`runtime/unranked.py`)."""

from __future__ import annotations

from .diagnostics import function_error
from .module import Module


def verify_unranked(module: Module) -> None:
    """Raise IRError for an output that cannot have the shape of its input: both are lists of one length."""
    if not module.unranked:
        return
    function = module.main
    inputs = dict(zip(function.inputs, [value.type for value in function.arguments], strict=False))
    outputs = dict(zip(function.outputs, [value.type for value in function.returned], strict=False))
    for output, input in module.unranked.items():
        for name, known, what in ((output, outputs, "output"), (input, inputs, "input")):
            if name not in known:
                raise function_error(function, f"it has no {what} '{name}', which is unranked")
        given, made = inputs[input], outputs[output]
        if given.rank != 1 or given.shape != made.shape:
            text = f"the output '{output}' is {made}, and the input '{input}', whose shape it has, {given}"
            raise function_error(function, text, "both are lists of one length")
