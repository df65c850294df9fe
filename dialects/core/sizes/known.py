"""The knowledge about a module's sizes: ranges, constraints, and proofs from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..affine import Dim
from ..affine_traversal import symbols
from ..bounds import Range, bounds
from ..constraints import Constraint, Derived, Relation
from ..module import Module, SymbolRange
from .outcomes import Conflict, GivesWay
from .proofs import Proofs
from .values import closure

LARGEST = 2**31 - 1

Snapshot = tuple[dict[str, SymbolRange], dict[str, Derived], list[Constraint]]


class KnownSizes:
    """The knowledge about MODULE, and queries on it.

    `defaults`: the symbols with a default range, which is extended if it allows no value. `unnamed`: symbols
    for sizes without a name in the model. `_roots`: for a symbol that replaced another, the model's symbol
    with factor and offset.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.defaults: set[str] = set()
        self.unnamed: set[str] = set()
        self._roots: dict[str, tuple[str, int, int]] = {}
        self._proofs = Proofs(module)
        self._values = self._proofs.values
        self._assumed: list[Dim] = []

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        return self.module.ranges

    def snapshot(self) -> Snapshot:
        """The present knowledge, for `restore`. Raising `Resized` invalidates it."""
        module = self.module
        return dict(module.symbols), dict(module.derived), list(module.constraints)

    def restore(self, known: Snapshot) -> None:
        """Forget everything found since the snapshot KNOWN."""
        module = self.module
        if (module.symbols, module.derived, module.constraints) != known:
            module.symbols, module.derived, module.constraints = known
            self._proofs.forget()

    # ------------------------------------------------------------ questions

    def proves(self, dim: Dim) -> bool:
        """Whether DIM >= 0 for all values that ranges and constraints allow."""
        return self._proofs.proves(dim)

    def sign(self, dim: Dim) -> int | None:
        """-1, 0 or 1 if DIM is negative, zero or positive for all values; else None."""
        return self._proofs.sign(dim)

    @contextmanager
    def assuming(self, dims: Sequence[Dim]) -> Iterator[None]:
        """A context for code that runs only where DIMS are non-negative, such as the iterations of a loop."""
        self._assumed += dims
        try:
            yield
        finally:
            del self._assumed[len(self._assumed) - len(dims) :]

    def _assumes(self, dim: Dim) -> bool:
        """Whether DIM >= 0 wherever the op that requires it runs."""
        return any(self.proves(dim - each) for each in self._assumed)

    def told(self, dim: Dim) -> bool:
        """Whether DIM is computed from the content of an input."""
        return bool(self.module.contents) and not self.module.held.isdisjoint(self._origins(dim))

    def _origins(self, dim: Dim) -> set[str]:
        """The free symbols that DIM is computed from."""
        return closure(symbols(dim), self.module) - self.module.derived.keys()

    def _may_be_one(self, dim: Dim) -> bool:
        low, high = bounds(dim, self.ranges)
        return (low is None or low <= 1) and (high is None or high >= 1)

    def _says(self, left: Dim, relation: Relation, right: Dim) -> bool:
        """Whether the module has the constraint LEFT RELATION RIGHT."""
        found = (left, relation, right)
        return any(found == (c.left, c.relation, c.right) for c in self.module.constraints)

    def _covers(self, whole: Dim, part: Dim) -> bool:
        """Whether WHOLE is the broadcast of PART with other sizes."""
        definition = self.module.derived.get(str(whole))
        return definition is not None and definition.function == "broadcast" and part in definition.operands

    def _excludes(self, dim: Dim) -> bool:
        """Whether DIM >= 0 holds for no values. A default range excludes no large sizes."""
        ranges: dict[str, Range] = dict(self.ranges)
        ranges |= {name: (ranges[name][0], LARGEST) for name in self.defaults & ranges.keys()}
        return self._proofs.bounded(-1 - dim, ranges)

    def _anonymous(self, name: str) -> bool:
        """Whether NAME stands for an unnamed size, by the importer or by an exporter (unk__5)."""
        return name in self.unnamed or name in self.module.derived or name.startswith("unk__")

    def fresh(self, prefix: str) -> str:
        """A new symbol name, different from all present and former symbols of the module."""
        taken = self.module.symbols.keys() | self.module.determined.keys()
        return next(name for k in range(len(taken) + 1) if (name := f"{prefix}{k}") not in taken)

    def _conflict(self, text: str, constraint: Constraint) -> Conflict:
        """The Conflict with TEXT and the ranges of CONSTRAINT's symbols; decides whether the ranges are the
        reason."""
        ranges = self.ranges
        named = sorted(constraint.symbols & ranges.keys())
        texts = [f"{name} in {ranges[name][0]}..{ranges[name][1]}" for name in named]
        dim = constraint.left - constraint.right
        never = [-1 - dim, dim - 1] if constraint.relation == "==" else [-1 - dim]
        by_ranges = not any(self._proofs.bounded(each, {}) for each in never)
        return Conflict(f"{text} for {', '.join(texts)}" if texts else text, ranges=by_ranges)

    def gives_way(self, name: str, value: int) -> GivesWay:
        """The error that the default range of NAME must be extended to VALUE."""
        root, factor, offset = self._roots.get(name, (name, 1, 0))
        return GivesWay(root, factor * value + offset)
