"""The parts of a plan for several targets: targets with equal launches share a part, equal kernels a name.

Only compilation shows whether a kernel spills registers. If one does, the launch level is built again without
it for the target on which it spills; other targets keep it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ...codegen.interface import (
    SHARE_KERNELS,
    ArchSpec,
    BuildOptions,
    CompiledPrograms,
    KernelCache,
    UnfitError,
    assemble,
    kernel_name,
    made_kernels,
    request_of,
    without_provenance,
)
from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel, kernels_in
from ...runtime.plan import Plan
from ..passes.ledger import Ledger
from ..passes.spilled import Spilled
from .clock import BuildClock, no_collections
from .lowering import Descent


@dataclass
class PlannedPart:
    """The launches for `targets`, planned for the first of them.

    chosen: for every target, the kernels' original names by their present ones, before equal kernels got one
    name; empty for a single target.
    """

    targets: tuple[ArchSpec, ...]
    way: Descent
    chosen: dict[str, Mapping[str, str]] = field(default_factory=dict)


def assembled(
    ways: Sequence[Descent], on_gpu: bool, cache: KernelCache | None, clock: BuildClock
) -> list[Plan]:
    """Lower WAYS, which are above the launch level, and assemble a plan for each resulting part.

    Without ON_GPU the plan is for the host alone and has no target. Raises UnfitError where a kernel spills
    and there is no other candidate, or where the module entered at the launch level; and CompileError.
    """
    spilled = {way.target.name: Spilled() for way in ways}
    compiled: CompiledPrograms = {}
    while True:
        parts = parts_of([way.launched(spilled[way.target.name]) for way in ways])
        # Compilation takes long, so the caller's own garbage must not pile up meanwhile.
        with clock.stage("kernels"), nullcontext() if on_gpu else no_collections():
            try:
                share = SHARE_KERNELS not in ways[0].context.disabled
                options = BuildOptions(cache=cache, progress=clock.kernels, compiled=compiled, share=share)
                return [
                    _plan(part, replace(options, targets=part.targets if on_gpu else ())) for part in parts
                ]
            except UnfitError as error:
                more = _with(spilled[error.target], parts, error)
                if ways[0].was_given or more == spilled[error.target]:
                    raise
                spilled[error.target] = more


def _plan(part: PlannedPart, options: BuildOptions) -> Plan:
    way, ledger = part.way, part.way.context.ledger
    return assemble(way.module, way.texts, ledger.to_json(), options, ledger.text())


def _with(spilled: Spilled, parts: Sequence[PlannedPart], error: UnfitError) -> Spilled:
    """SPILLED, the kernels that ERROR's target avoids, with the kernels of PARTS that ERROR names added."""
    part = next(part for part in parts if any(target.name == error.target for target in part.targets))
    module, (target, *_) = part.way.module, [each for each in part.targets if each.name == error.target]
    launches = list(kernels_in(module.main.block))
    twins = {
        _in_the_other_order(module, op, target): error.problems[op.kernel]
        for op in launches
        if op.kernel in error.problems and "turned" in op.config
    }
    found = spilled.and_those(launches, error.problems, part.chosen.get(error.target, {}))
    return replace(found, kernels={**found.kernels, **twins})


def _in_the_other_order(module: Module, op: Kernel, target: ArchSpec) -> str:
    """The name of the kernel of OP, a launch of MODULE for TARGET, with its tiles in the other order.

    The order follows from the launch before, and is decided when the kernel has been chosen.
    """
    config = {**op.config, "turned": 1 - int(op.config["turned"])}
    return kernel_name(request_of(module, op, target), op.family, config)


def parts_of(ways: Sequence[Descent]) -> list[PlannedPart]:
    """The parts for the targets of WAYS, all at the launch level, in the order of their first targets."""
    if len(ways) == 1:
        return [PlannedPart((ways[0].target,), ways[0])]
    _tell_apart(ways)
    names = _KernelNames()
    parts: dict[tuple[str, str], PlannedPart] = {}
    for way in ways:
        sources, chosen = names.settle(way.module, way.target)
        way.texts["launch"] = print_module(way.module)
        key = way.texts["launch"], json.dumps(sources)
        part = parts.setdefault(key, PlannedPart((), way))
        part.targets = (*part.targets, way.target)
        part.chosen[way.target.name] = chosen
    return list(parts.values())


class _KernelNames:
    """Kernel names by source: a name includes a hash of the target, so equal kernels may differ in name.

    The ONNX nodes in a source's head comment do not distinguish kernels: targets with other launches may
    convert one value for other consumers.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def settle(self, module: Module, target: ArchSpec) -> tuple[dict[str, str], dict[str, str]]:
        """Rename the kernels of MODULE whose source is known already.

        Gives the sources, and the names before, both by the names after.
        """
        sources = {name: made.source for name, made in made_kernels(module, target).items()}
        taken = set(sources)
        names: dict[str, str] = {}
        for name, source in sources.items():
            first = self._known.setdefault(without_provenance(source).replace(name, ""), name)
            names[name] = name if first in taken else first
            taken.add(names[name])
        for op in kernels_in(module.main.block):
            op.kernel = names[op.kernel]
        renamed = {names[name]: source.replace(name, names[name]) for name, source in sources.items()}
        return renamed, {new: old for old, new in names.items()}


def _tell_apart(ways: Sequence[Descent]) -> None:
    """Record in each ledger, for records that are not in all of them, which targets they are for."""
    targets: dict[str, dict[str, None]] = defaultdict(dict)
    for way in ways:
        for record in way.context.ledger:
            targets[json.dumps(record.to_json())][way.target.name] = None
    said = {text: ", ".join(names) if len(names) < len(ways) else "" for text, names in targets.items()}
    for way in ways:
        ledger = way.context.ledger
        marked = [replace(record, target=said[json.dumps(record.to_json())]) for record in ledger]
        way.context.ledger = Ledger(marked, ledger.origins)
