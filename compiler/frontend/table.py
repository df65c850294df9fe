"""Types of the importer tables: for every ONNX op, its importers by the opset from which they apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .call import Call, Outcome

Importer = Callable[[Call], Outcome]
Versions = Sequence[tuple[int, Importer]]
Table = Mapping[str, Versions]
