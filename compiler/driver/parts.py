"""The parts of a plan for several targets: those that come out alike are one, equal kernels have one name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...codegen.arch.spec import ArchSpec
from ...codegen.sources import kernel_sources
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel
from ..passes.ledger import Ledger
from .lowering import Descent


@dataclass
class Part:
    """What is launched on TARGETS, planned for the first of them."""

    targets: tuple[ArchSpec, ...]
    way: Descent


def parts_of(ways: Sequence[Descent]) -> list[Part]:
    """The parts for the targets of WAYS, all at the launch level, in the order of their first targets."""
    if len(ways) == 1:
        return [Part((ways[0].target,), ways[0])]
    _tell_apart(ways)
    names = _Names()
    parts: dict[tuple[str, str], Part] = {}
    for way in ways:
        sources = names.settle(way.module, way.target)
        way.texts["launch"] = print_module(way.module)
        part = parts.setdefault((way.texts["launch"], json.dumps(sources)), Part((), way))
        part.targets = (*part.targets, way.target)
    return list(parts.values())


class _Names:
    """Names of kernels by their source. A name has a hash of its target in it, which its source has not."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def settle(self, module: Module, target: ArchSpec) -> dict[str, str]:
        """Rename the kernels of MODULE whose source is known already; the sources by name."""
        sources = kernel_sources(module, target)
        taken = set(sources)
        names: dict[str, str] = {}
        for name, source in sources.items():
            first = self._known.setdefault(source.replace(name, ""), name)
            names[name] = name if first in taken else first
            taken.add(names[name])
        for op in module.main.block:
            if isinstance(op, Kernel):
                op.kernel = names[op.kernel]
        return {names[name]: source.replace(name, names[name]) for name, source in sources.items()}


def _tell_apart(ways: Sequence[Descent]) -> None:
    """Say in the records of each ledger that are not in all which target they are for."""
    texts = [{json.dumps(record.to_json()) for record in way.context.ledger} for way in ways]
    common = set[str].intersection(*texts)
    for way in ways:
        ledger = way.context.ledger
        name = way.target.name
        marked = (
            record if json.dumps(record.to_json()) in common else replace(record, target=name)
            for record in ledger
        )
        way.context.ledger = Ledger(list(marked), ledger.origins)
