"""The work of `glassrt opt`: choose passes by name, by rule or by the level to reach, and run them as a build
would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import typer

from ...codegen.interface import ArchSpec, made_kernels
from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.core.resources import ResourceTable
from ...dialects.core.verifier import verify
from ...dialects.launch import kernels_in
from ...errors import InputError
from ...runtime.whole_files import WholeFiles, content
from ..driver.build import Settings, context_of
from ..driver.interface import check_overrides
from ..driver.lowering import passes_between
from ..driver.pipeline import all_passes, checks_at
from ..driver.rules import all_but, rule_named
from ..driver.size_records import record_sizes
from ..files.beside import weights_beside, with_weights_named
from ..frontend.source import lacking_weights, level_of
from ..memory.proofs.check_launch import check_launch
from ..passes.debug import Sink
from ..passes.ledger import Ledger
from ..passes.levels import ALL_DIALECTS
from ..passes.manager import Pass, PassContext, PassManager, parse_pipeline
from ..passes.origins import NodeNames, origins_of
from ..passes.switches import resolve_switches
from .options import Level
from .request import BuildRequest

Watch = Callable[[str, Module], object]


@dataclass(frozen=True)
class Done:
    """The module after all passes, and what they decided."""

    module: Module
    ledger: Ledger

    @property
    def text(self) -> str:
        """The module as IR text."""
        return print_module(self.module)

    def save(self, output: Path) -> None:
        """Write the text to OUTPUT, and the weights that it names to a file beside it."""
        weights, beside = _named_weights(self.module), weights_beside(output)
        text = self.text
        with WholeFiles() as files:
            if len(weights):
                files.write(beside, weights.write)
                text = with_weights_named(text, beside.name)
            files.write(output, content(text.encode()))

    @property
    def lacking_weights(self) -> list[str]:
        """The weights that the text names and that were not there."""
        return list(lacking_weights(self.module))

    def to_json(self, output: Path | None, ledger: bool) -> dict[str, Any]:
        """The outcome as JSON data: the text is null where it was written to OUTPUT, the ledger if not asked
        for."""
        return {
            "level": level_of(self.module),
            "output": None if output is None else str(output),
            "text": self.text if output is None else None,
            "ledger": self.ledger.to_json() if ledger else None,
        }


@dataclass(frozen=True)
class Job:
    """Which passes to run, and how.

    passes: names of passes, None where a level or rules select them; rules: the only rules to apply, None for
    all that are not disabled; level: the level to reach.
    """

    settings: Settings
    passes: str | None = None
    rules: tuple[str, ...] | None = None
    level: Level | None = None

    @staticmethod
    def parse(
        request: BuildRequest,
        *,
        passes: str | None,
        rules: str | None,
        level: Level | None,
        limit: int | None,
        streams: int,
    ) -> Job:
        """The job for the command's options.

        Raises InputError for a rule that does not exist or that no pass applies, and typer.BadParameter for
        options that contradict each other.
        """
        if passes is not None and level is not None:
            raise typer.BadParameter("give either --passes or --level", param_hint="--passes")
        settings = replace(request.settings(streams), limit=limit)
        if len(settings.targets) > 1:
            raise typer.BadParameter("a module is lowered for one target", param_hint="--target")
        if rules is None:
            return Job(settings, passes, None, level)
        names = tuple(filter(None, (name.strip() for name in rules.split(","))))
        _check_applied(names)
        off = settings.disabled | all_but(names)
        return Job(replace(settings, disabled=off), passes, names, level)

    @property
    def has_steps(self) -> bool:
        """Whether any pass is asked for: to parse, verify and print alone, a text needs no weights."""
        return (self.passes, self.rules, self.level) != (None, None, None)

    def steps(self, module: Module) -> list[Pass]:
        """The passes, in order. Raises InputError for an unknown pass or a level above that of MODULE."""
        target = self._target
        if self.level is not None:
            return passes_between(module, self.level, target)
        if self.passes is None and self.rules is not None:
            wanted = {rule_named(name).applied_by for name in self.rules}
            return [step for step in all_passes(target) if step.name in wanted]
        return parse_pipeline(self.passes or "", all_passes(target))

    def run(
        self,
        module: Module,
        print_ir: Sink | None = None,
        dump_dir: Path | None = None,
        verify_each: Literal["ir", "semantics"] = "ir",
        watch: Watch | None = None,
    ) -> Done:
        """Verify MODULE and run the passes on it. WATCH gets the name of every pass and the module after it.

        Raises what a build raises.
        """
        verify(module, ALL_DIALECTS)
        context = self._context(module)
        PassManager(checks_at(level_of(module)), context).run(module)
        _check_launches(module, self._target)
        steps = self.steps(module)
        manager = PassManager(steps, context, print_ir, dump_dir, verify_each)
        for name, after in manager.stages(module):
            module = after
            if watch is not None:
                watch(name, module)
        if steps and level_of(module) == "launch":
            check_launch(module)
        return Done(module, context.ledger)

    @property
    def _target(self) -> ArchSpec:
        return self.settings.planned[0]

    def _context(self, module: Module) -> PassContext:
        """The context that the passes share; its ledger holds MODULE's nodes and sizes."""
        context = context_of(self.settings)
        context.ledger.origins = origins_of(module)
        resolve_switches(context, NodeNames(context.ledger.origins, module.main.inputs))
        check_overrides(context.policy, context.ledger.origins, level_of(module))
        record_sizes(module, context.ledger)
        return context


def _check_applied(names: Iterable[str]) -> None:
    """Raise InputError for a name that is no rule's, or that of a rule which no pass applies."""
    for name in names:
        if not rule_named(name).applied_by:
            hint = "`glassrt explain --rules` says what it does"
            raise InputError(f"no pass applies the rule '{name}'", hint)


def _check_launches(module: Module, target: ArchSpec) -> None:
    """Raise IRError unless the launches of a launch-level MODULE have the grid, block and scratch that their
    kernels need on TARGET. Edited text is checked nowhere else for this."""
    if level_of(module) == "launch":
        made_kernels(module, target, (op for op in kernels_in(module.main.block) if op.config))


def _named_weights(module: Module) -> ResourceTable:
    """The module's resources, without those that no op names any more."""
    kept = ResourceTable()
    for name in module.defaults.values():
        if name in module.resources:
            kept.add(module.resources[name])
    for op in module.walk():
        for value in op.attributes.values():
            if isinstance(value, str) and value in module.resources:
                kept.add(module.resources[value])
    return kept
