"""The ranges of sizes that a plan was built for, said in a line: none that nobody gave may surprise."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ...dialects.core.module import Module
from ...runtime.manifest import Manifest, SymbolSpec
from ..files.beside import IR_SUFFIX
from ..frontend.source import Shapes, Source

SHOWN = 6


def by_default(spec: Manifest, model: Source, shapes: Shapes) -> list[str]:
    """The symbols of a plan of MODEL whose ranges neither SHAPES nor an IR text gave."""
    texts = isinstance(model, (str, os.PathLike)) and Path(model).suffix == IR_SUFFIX
    if texts or isinstance(model, Module):
        return []
    return [name for name in free_symbols(spec) if name not in shapes]


def free_symbols(spec: Manifest) -> dict[str, SymbolSpec]:
    """The symbols that callers choose, without those that follow from others."""
    return {name: span for name, span in spec.symbols.items() if name not in spec.sizes.derived}


def described_ranges(spec: Manifest, defaults: Collection[str]) -> dict[str, Any]:
    """The ranges as JSON data."""
    return {
        name: {"range": [span.minimum, span.optimum, span.maximum], "default": name in defaults}
        for name, span in free_symbols(spec).items()
    }


def said_ranges(spec: Manifest, defaults: Collection[str]) -> list[str]:
    """The ranges in one line, those of DEFAULTS marked; no line for a plan of fixed sizes."""
    symbols = free_symbols(spec)
    if not symbols:
        return []
    # Those that nobody gave come first: they are what a reader may want to change.
    names = sorted(symbols, key=lambda name: name not in defaults)
    parts = [_range(name, symbols[name], name in defaults) for name in names[:SHOWN]]
    if len(names) > SHOWN:
        parts.append(f"and {len(names) - SHOWN} more, which `glassrt inspect` shows")
    hint = f"; --shape '{names[0]}=MIN,OPT,MAX' gives another" if names[0] in defaults else ""
    return [f"sizes: {', '.join(parts)}{hint}"]


def _range(name: str, span: SymbolSpec, default: bool) -> str:
    marked = ", by default" if default else ""
    if span.minimum == span.maximum:
        return f"{name} is {span.minimum}" + (" (by default)" if default else "")
    return f"{name} from {span.minimum} to {span.maximum} (tuned for {span.optimum}{marked})"
