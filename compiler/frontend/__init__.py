"""The ONNX importer: one small function per ONNX op, and the machinery that calls it.

`importer.py` imports a model; `walk.py` visits its nodes and inlines functions; `registry.py` merges the
tables of the `ops_*.py` files; `builder.py` emits operations or folds them; `symbolic.py` and
`shape_folding.py` do shape arithmetic; `reading.py`, `weights.py`, `external.py` and `signature.py` read
the file.
"""

from __future__ import annotations

from .importer import import_model as import_model

__all__ = ["import_model"]
