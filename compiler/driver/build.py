"""The whole path from a model to a plan, with the text of every level kept on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...codegen.assemble import BuildOptions, assemble, planning_target
from ...codegen.cache import KernelCache
from ...codegen.nvrtc import UnfitError, check_target
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...dialects.launch import Kernel
from ...errors import InputError, UnsupportedError
from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..passes.debug import Sink
from ..passes.ledger import Ledger, Record, Verdict
from ..passes.levels import ALL_DIALECTS, LEVELS
from ..passes.manager import Pass, PassContext, PassManager
from ..passes.origins import NodeNames, origins_of
from ..passes.spilled import Spilled
from ..passes.switches import resolve_switches
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.options import Options
from ..settings.policy import PrecisionPolicy, as_policy
from .clock import Clock, Progress, no_collections
from .interface import check_overrides, set_io_types
from .pipeline import checks_at, passes_to
from .rules import check_rules
from .size_records import record_sizes

HOST = "host"


@dataclass(frozen=True)
class Settings:
    """How to build.

    targets: GPU architectures (`sm_90a`), empty for the host alone; precision: a policy; disabled:
    rules not to apply; barriers: pairs of ONNX nodes not to fuse; keep: ONNX nodes whose results are
    to be stored; calibration: for policies of eight bits; decided: records of what was decided before the
    build, for its ledger; limit: see `PassContext`; dump_dir, print_ir,
    verify_each: see `PassManager`; cache: compiled kernels, None for no cache; progress: is told of
    every stage.
    """

    targets: tuple[str, ...] = ()
    precision: PrecisionPolicy = field(default_factory=lambda: as_policy("fp32"))
    options: Options = field(default_factory=Options)
    disabled: frozenset[str] = frozenset()
    barriers: frozenset[tuple[str, str]] = frozenset()
    keep: frozenset[str] = frozenset()
    calibration: CalibrationTable | None = None
    decided: tuple[Record, ...] = ()
    limit: int | None = None
    dump_dir: Path | WholeFolder | None = None
    print_ir: Sink | None = None
    verify_each: Literal["ir", "semantics"] = "ir"
    cache: KernelCache | None = field(default_factory=KernelCache)
    progress: Progress | None = None

    def __post_init__(self) -> None:
        """InputError for a name in `disabled` that no rule has."""
        check_rules(self.disabled)


@dataclass(frozen=True)
class Build:
    """A finished build: the plan, and the seconds each stage took, in order."""

    plan: Plan
    seconds: Mapping[str, float]


@np.errstate(all="ignore")
def build(
    source: Source, settings: Settings, inputs: InputShapes | None = None, shapes: Shapes | None = None
) -> Build:
    """Build a plan from SOURCE (see `load_module`). IR text enters at its own level.

    Raises ModelError, UnsupportedError, IRError, InputError or CompileError.
    """
    try:
        return _built(source, settings, inputs, shapes)
    except RecursionError:
        # Chains of ops are walked with loops; what is left are the expressions inside one kernel.
        raise UnsupportedError(
            "a kernel's expressions nest too deeply", "split the kernel: it computes too many ops at once"
        ) from None


def _built(source: Source, settings: Settings, inputs: InputShapes | None, shapes: Shapes | None) -> Build:
    for target in settings.targets:
        check_target(target)
    clock, context = Clock(settings.progress), context_of(settings)
    with clock.stage("import"), no_collections():
        module = load_module(source, inputs, shapes)
        if settings.calibration is not None:
            settings.calibration.check(model_hash(module))
    context.debug.stage("import", clock.seconds["import"], {"ops": op_count(module)})
    descent = _Descent(module, settings, context, clock)
    plan = _assembled(descent, descent.through(LEVELS[:-1], module, context))
    context.debug.stage("kernels", clock.seconds["kernels"], {"kernels": len(plan.sources)})
    context.debug.sources(plan.sources)
    return Build(plan, dict(clock.seconds))


def _assembled(descent: _Descent, module: Module) -> Plan:
    """The plan for MODULE, which is one level above launch, or there where it entered so.

    Where a kernel spills, the launch level is made again without it. Raises UnfitError when it was given,
    or when there is no other candidate.
    """
    settings, clock = descent.settings, descent.clock
    options = BuildOptions(settings.targets, settings.cache, clock.kernels)
    spilled = Spilled()
    while True:
        attempt = descent.context.forked(spilled)
        launched = descent.through(LEVELS[-1:], module, attempt)
        # Compilers take their time, in which the caller's own garbage must not pile up.
        with clock.stage("kernels"), nullcontext() if settings.targets else no_collections():
            try:
                ledger = attempt.ledger
                return assemble(launched, clock.texts, ledger.to_json(), options, ledger.text())
            except UnfitError as error:
                kernels = (op for op in launched.main.block if isinstance(op, Kernel))
                more = spilled.and_those(kernels, error.problems)
                if launched is module or more == spilled:
                    raise
                spilled = more


def context_of(settings: Settings) -> PassContext:
    """What the passes of a build with SETTINGS share; it has the ledger afterwards."""
    return PassContext(
        ALL_DIALECTS,
        policy=settings.precision,
        ledger=Ledger(settings.decided),
        options=settings.options,
        disabled=settings.disabled,
        barriers=settings.barriers,
        keep=settings.keep,
        clips=_clips(settings),
        limit=settings.limit,
    )


def _clips(settings: Settings) -> Mapping[str, float] | None:
    """The clip of every tensor of the calibration table."""
    if settings.calibration is None:
        return None
    return {name: tensor.clip for name, tensor in settings.calibration.tensors.items()}


def launch_level(module: Module, settings: Settings, context: PassContext) -> Module:
    """What MODULE becomes at the launch level, without the code of its kernels. Raises as `build` does."""
    return brought_to(LEVELS[-1], module, settings, context)


def brought_to(level: str, module: Module, settings: Settings, context: PassContext) -> Module:
    """What MODULE becomes at LEVEL, which is not above its own. Raises as `build` does."""
    descent = _Descent(module, settings, context, Clock(settings.progress))
    return descent.through(LEVELS[: LEVELS.index(level) + 1], module, context)


class _Descent:
    """The way of a module down the levels; the text of every level on the way goes to the clock's `texts`.

    Levels above the one that the module enters at have no text.
    """

    def __init__(self, module: Module, settings: Settings, context: PassContext, clock: Clock) -> None:
        self.settings = settings
        self.context = context
        self.clock = clock
        self._entered = LEVELS.index(level_of(module))
        self._target = planning_target(settings.targets)
        self._dumps = WholeFolder.of(settings.dump_dir)
        clock.texts = dict.fromkeys(LEVELS[: self._entered], "")
        context.ledger.origins = origins_of(module)
        for remark in module.remarks:
            context.ledger.add(remark.rule, Verdict.TAKEN, remark.reason, nodes=remark.nodes)
        resolve_switches(context, NodeNames(context.ledger.origins, module.main.inputs))
        check_overrides(context.policy, context.ledger.origins, LEVELS[self._entered])
        set_io_types(module, context.policy)
        record_sizes(module, context.ledger)

    @np.errstate(all="ignore")
    def through(self, levels: Sequence[str], module: Module, context: PassContext) -> Module:
        """MODULE at the last of LEVELS, which follow its own; those above where it entered are skipped."""
        for level in levels:
            if LEVELS.index(level) >= self._entered:
                module = self._to_next(level, module, context)
        return module

    def _to_next(self, level: str, module: Module, context: PassContext) -> Module:
        settings, passes = self.settings, self._passes(level)
        before = LEVELS[self._entered : LEVELS.index(level)]
        number, decided = sum(len(self._passes(each)) for each in before), context.decisions
        manager = PassManager(
            passes, context, settings.print_ir, self._dumps, settings.verify_each, first_number=number
        )
        with self.clock.stage(level), no_collections():
            module = manager.run(module)
            self.clock.texts[level] = print_module(module)
        counts = {"ops": op_count(module), "decisions": context.decisions - decided}
        context.debug.stage(level, self.clock.seconds[level], counts)
        return module

    def _passes(self, level: str) -> Sequence[Pass]:
        """A module that enters below the graph level is taken as it is written."""
        made = level == "graph" or LEVELS.index(level) > self._entered
        return passes_to(level, self._target) if made else checks_at(level)


def op_count(module: Module) -> int:
    """The ops of MODULE, those inside kernels among them."""
    return sum(1 for _ in module.walk())


def chosen_targets(target: str | Sequence[str] | None, present: str | None) -> tuple[str, ...]:
    """The GPU targets that TARGET names; PRESENT is the GPU of this machine, used when TARGET is None."""
    if target is None:
        target = present or HOST
    names = [target] if isinstance(target, str) else target
    listed = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    if not listed or not names:
        raise InputError(f"a target is 'host', 'sm_XX' or a list of these, not {target!r}")
    return tuple(dict.fromkeys(name for name in names if name != HOST))
