"""The parts of a plan for several targets: targets with equal launches share a part, equal kernels a name.

Whether a kernel spills registers is known only when it is compiled. If one does, the launch level of all
parts is built again without that kernel configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ...codegen.interface import (
    ArchSpec,
    BuildOptions,
    CompiledKernel,
    KernelCache,
    UnfitError,
    assemble,
    made_kernels,
)
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel
from ...runtime.plan import Plan
from ..passes.ledger import Ledger
from ..passes.spilled import Spilled
from .clock import BuildClock, no_collections
from .lowering import Descent


@dataclass
class PlannedPart:
    """The launches for `targets`, planned for the first of them.

    given: the names that kernels had before equal ones were merged, by their present name.
    """

    targets: tuple[ArchSpec, ...]
    way: Descent
    given: Mapping[str, Set[str]] = field(default_factory=dict)


def assembled(
    ways: Sequence[Descent], on_gpu: bool, cache: KernelCache | None, clock: BuildClock
) -> list[Plan]:
    """Lower WAYS, which are above the launch level, and assemble a plan for each resulting part.

    Without ON_GPU the plan is for the host alone and has no target. Raises UnfitError where a kernel spills
    and there is no other candidate, or where the module entered at the launch level; and CompileError.
    """
    spilled, compiled = Spilled(), dict[tuple[str, str, str], CompiledKernel]()
    while True:
        parts = parts_of([way.launched(spilled) for way in ways])
        # Compilation takes long, so the caller's own garbage must not pile up meanwhile.
        with clock.stage("kernels"), nullcontext() if on_gpu else no_collections():
            try:
                return [
                    _plan(part, BuildOptions(part.targets if on_gpu else (), cache, clock.kernels, compiled))
                    for part in parts
                ]
            except UnfitError as error:
                more = _with(spilled, parts, error.problems)
                if ways[0].was_given or more == spilled:
                    raise
                spilled = more


def _plan(part: PlannedPart, options: BuildOptions) -> Plan:
    way, ledger = part.way, part.way.context.ledger
    return assemble(way.module, way.texts, ledger.to_json(), options, ledger.text())


def _with(spilled: Spilled, parts: Sequence[PlannedPart], problems: Mapping[str, str]) -> Spilled:
    """SPILLED extended by the kernels of PARTS that PROBLEMS names; PROBLEMS maps a kernel to a message."""
    given = {name: text for new, text in problems.items() for name in (new, *parts[0].given.get(new, ()))}
    launches = (op for part in parts for op in part.way.module.main.block if isinstance(op, Kernel))
    return spilled.and_those(launches, given)


def parts_of(ways: Sequence[Descent]) -> list[PlannedPart]:
    """The parts for the targets of WAYS, all at the launch level, in the order of their first targets."""
    if len(ways) == 1:
        return [PlannedPart((ways[0].target,), ways[0])]
    _tell_apart(ways)
    names = _KernelNames()
    parts: dict[tuple[str, str], PlannedPart] = {}
    for way in ways:
        sources = names.settle(way.module, way.target)
        way.texts["launch"] = print_module(way.module)
        key = way.texts["launch"], json.dumps(sources)
        part = parts.setdefault(key, PlannedPart((), way, names.given))
        part.targets = (*part.targets, way.target)
    return list(parts.values())


class _KernelNames:
    """Kernel names by source: a name includes a hash of the target, so equal kernels may differ in name."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self.given: dict[str, set[str]] = {}

    def settle(self, module: Module, target: ArchSpec) -> dict[str, str]:
        """Give kernels of MODULE whose source is known already the known name; the sources by name."""
        sources = {name: made.source for name, made in made_kernels(module, target).items()}
        taken = set(sources)
        names: dict[str, str] = {}
        for name, source in sources.items():
            first = self._known.setdefault(source.replace(name, ""), name)
            names[name] = name if first in taken else first
            taken.add(names[name])
            self.given.setdefault(names[name], set()).add(name)
        for op in module.main.block:
            if isinstance(op, Kernel):
                op.kernel = names[op.kernel]
        return {names[name]: source.replace(name, names[name]) for name, source in sources.items()}


def _tell_apart(ways: Sequence[Descent]) -> None:
    """Mark the ledger records that not all targets share with the target they are for."""
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
