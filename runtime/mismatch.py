"""The error for inputs that do not match a plan: the wanted and the given tensors, ranges of symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from .expressions import Expression, clip, symbols_of
from .manifest import Manifest, TensorSpec
from .tensors import described


def mismatch(
    manifest: Manifest, reason: str, given: Mapping[str, object], hint: str | None = None
) -> InputError:
    """The error that the tensors GIVEN do not match the inputs of MANIFEST for REASON: it lists both,
    and the defaults of inputs that are not given."""
    contents = manifest.sizes.contents
    unranked = set(manifest.unranked.values())
    wanted = "; ".join(
        _tensor(tensor, tensor.name in unranked) + _content(contents.get(tensor.name))
        for tensor in manifest.asked
    )
    lacking = "; ".join(
        f"{clip(name)}: {default.dtype}{list(default.shape)}"
        for name, default in manifest.defaults.items()
        if name not in given
    )
    found = "; ".join(
        f"{clip(name)}: {described(value)}" + (_held(value) if name in contents else "")
        for name, value in given.items()
    )
    ranges = ", ".join(
        f"{clip(name)} in {span.minimum}..{span.maximum}"
        for name, span in manifest.symbols.items()
        if name not in manifest.sizes.derived and name not in _of_rows(manifest)
    )
    where = f" where {ranges}" if ranges else ""
    lines = [reason, f"  wanted: {wanted or 'nothing'}{where}", f"  given:  {found or 'nothing'}"]
    return InputError("\n".join([*lines, *([f"  default: {lacking}"] if lacking else [])]), hint)


def _of_rows(manifest: Manifest) -> set[str]:
    """The symbols of what a run computes of a mask, which callers do not give."""
    if manifest.unpadded is None:
        return set()
    sizes = {tensor.name: set[str]().union(*map(symbols_of, tensor.shape)) for tensor in manifest.inputs}
    asked = [sizes[tensor.name] for tensor in manifest.asked]
    return set[str]().union(*sizes.values()).difference(*asked)


def _tensor(tensor: TensorSpec, unranked: bool) -> str:
    """A tensor as text: ``'x': f32[N, 3, 224, 224]``, or ``'x': f32 of N elements`` in any shape."""
    sizes = ", ".join(map(dimension, tensor.shape))
    return f"{clip(tensor.name)}: {tensor.dtype}" + (f" of {sizes} elements" if unranked else f"[{sizes}]")


def _content(content: Sequence[Expression] | None) -> str:
    """The content of an input, after its description: `` = [s, 8]``; empty if it is not known."""
    return "" if content is None else f" = [{', '.join(map(dimension, content))}]"


def _held(given: object) -> str:
    return f" = {given.reshape(-1).tolist()}" if isinstance(given, np.ndarray) else ""


def dimension(dim: Expression) -> str:
    """A size as text: `N`, `2*h`, `floordiv(W, 2)`."""
    if isinstance(dim, (int, str)):
        return str(dim) if isinstance(dim, int) else clip(dim).strip("'")
    operands = list(map(dimension, dim[1:]))
    return str(dim[0]).join(operands) if dim[0] in ("+", "-", "*") else f"{dim[0]}({', '.join(operands)})"
