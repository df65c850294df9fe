"""The build: imports a model, lowers it level by level and assembles a plan, which keeps the text of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from ...codegen.interface import REFERENCE, ArchSpec, KernelCache, arch_named, arch_of_device, check_target
from ...dialects.core.module import Module
from ...errors import InputError, UnsupportedError
from ...runtime.discovery import present_figures
from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..passes.debug import Sink
from ..passes.ledger import Ledger, Origin, Record, Verdict
from ..passes.levels import ALL_DIALECTS, LEVELS
from ..passes.manager import PassContext
from ..passes.origins import NodeNames, origins_of
from ..passes.switches import resolve_switches
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.names import HOST
from ..settings.options import Options
from ..settings.policy import PrecisionPolicy, as_policy
from ..settings.tactics import Tactics
from .clock import BuildClock, Progress, no_collections
from .interface import check_overrides, set_io_types
from .lowering import Descent, Watch, check_below, op_count, parted_for
from .parts import assembled
from .rules import check_rules
from .size_records import record_sizes


@dataclass(frozen=True)
class Settings:
    """The settings of a build.

    targets: GPU architectures, empty for the host alone; precision: the policy; options: limits of the
    passes; disabled: rules not to apply; barriers: pairs of ONNX nodes not to fuse; keep: ONNX nodes whose
    results are stored in memory; calibration: the scales, for eight-bit policies; decided: records of
    decisions made before the build, for its ledger; tactics: measured choices of kernels by the name of the
    target; in_place: by output the input whose memory it takes; unpadded: the mask of tokens in padded
    batches, whose padding is left out; limit: see `PassContext`; dump_dir,
    print_ir, verify_each: see `PassManager`; cache: of compiled kernels, None for no cache; progress:
    called with stage, done, total.
    """

    targets: tuple[ArchSpec, ...] = ()
    precision: PrecisionPolicy = field(default_factory=lambda: as_policy("fp32"))
    options: Options = field(default_factory=Options)
    disabled: frozenset[str] = frozenset()
    barriers: frozenset[tuple[str, str]] = frozenset()
    keep: frozenset[str] = frozenset()
    calibration: CalibrationTable | None = None
    decided: tuple[Record, ...] = ()
    tactics: Mapping[str, Tactics] = field(default_factory=dict)
    in_place: Mapping[str, str] = field(default_factory=dict)
    unpadded: str | None = None
    limit: int | None = None
    dump_dir: Path | WholeFolder | None = None
    print_ir: Sink | None = None
    verify_each: Literal["ir", "semantics"] = "ir"
    cache: KernelCache | None = field(default_factory=KernelCache)
    progress: Progress | None = None

    @property
    def planned(self) -> tuple[ArchSpec, ...]:
        """The architectures that kernels are chosen for; for the host alone, the reference architecture."""
        return self.targets or (REFERENCE,)

    def __post_init__(self) -> None:
        """Raise InputError for a name in `disabled` that is not a rule's."""
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

    Raises ModelError, UnsupportedError, IRError, InputError, CalibrationError or CompileError.
    """
    try:
        return _built(source, settings, inputs, shapes)
    except RecursionError:
        # Chains of ops are walked with loops. Only expressions inside one kernel are walked recursively.
        raise UnsupportedError(
            "a kernel's expressions nest too deeply", "split the kernel: it computes too many ops at once"
        ) from None


def _built(source: Source, settings: Settings, inputs: InputShapes | None, shapes: Shapes | None) -> Build:
    """The steps of a build: the import, the levels down to precision, then the launch level with its code."""
    for target in settings.targets:
        check_target(target.name)
    clock, context = BuildClock(settings.progress), context_of(settings)
    module = _imported(source, settings, inputs, shapes, clock)
    context.debug.stage("import", clock.seconds["import"], {"ops": op_count(module)})
    ways = parted_for(settings.planned, _descent(module, settings, context, clock))
    plans = assembled(ways, settings.targets != (), settings.cache, clock)
    context.debug.stage("kernels", clock.seconds["kernels"], {"kernels": sum(len(p.sources) for p in plans)})
    for plan in plans:
        context.debug.sources(plan.sources)
    return Build(replace(plans[0], further=tuple(plans[1:])) if plans[1:] else plans[0], dict(clock.seconds))


def context_of(settings: Settings) -> PassContext:
    """The context that the passes of a build with SETTINGS share; afterwards it has the ledger."""
    return PassContext(
        ALL_DIALECTS,
        policy=settings.precision,
        ledger=Ledger(settings.decided, estimated_from=settings.planned[0].estimated_from),
        options=settings.options,
        disabled=settings.disabled,
        barriers=settings.barriers,
        keep=settings.keep,
        clips=_clips(settings),
        smoothing=settings.calibration.smoothing if settings.calibration is not None else {},
        limit=settings.limit,
        tactics=settings.tactics,
        in_place=settings.in_place,
        unpadded=settings.unpadded,
    )


def _clips(settings: Settings) -> Mapping[str, float] | None:
    """The clip of every tensor of the calibration table."""
    if settings.calibration is None:
        return None
    return {name: tensor.clip for name, tensor in settings.calibration.tensors.items()}


def _imported(
    source: Source,
    settings: Settings,
    inputs: InputShapes | None,
    shapes: Shapes | None,
    clock: BuildClock,
) -> Module:
    """The module that SOURCE describes; CalibrationError where the calibration is of another."""
    with clock.stage("import"), no_collections():
        module = load_module(source, inputs, shapes)
        if settings.calibration is not None:
            settings.calibration.check(model_hash(module))
    return module


def _descent(module: Module, settings: Settings, context: PassContext, clock: BuildClock) -> Descent:
    """MODULE ready for its first pass: overrides checked, input types set, sizes recorded."""
    origins = origins_of(module)
    context.ledger.origins = [*origins, *(Origin(each.node, (), gives=each.gives) for each in module.folded)]
    for remark in module.remarks:
        context.ledger.add(remark.rule, Verdict.TAKEN, remark.reason, nodes=remark.nodes)
    resolve_switches(context, NodeNames(origins, module.main.inputs))
    check_overrides(context.policy, origins, level_of(module))
    if settings.in_place and level_of(module) != LEVELS[0]:
        raise InputError("in_place is for models", "lower levels say it of each write: {in_place = true}")
    if settings.unpadded is not None and level_of(module) != LEVELS[0]:
        raise InputError("unpadded is for models", "lower levels have rows of tokens, or padding")
    set_io_types(module, context.policy)
    record_sizes(module, context.ledger)

    watch = Watch(settings.print_ir, WholeFolder.of(settings.dump_dir), settings.verify_each, clock)
    return Descent(module, context, settings.planned[0], watch)


def launch_level(module: Module, settings: Settings, context: PassContext) -> Module:
    """MODULE lowered to the launch level, without code for its kernels; see `brought_to`."""
    return brought_to(LEVELS[-1], module, settings, context)


@np.errstate(all="ignore")
def brought_to(level: str, module: Module, settings: Settings, context: PassContext) -> Module:
    """MODULE lowered to LEVEL for the first target. Raises InputError if it is already below, and as
    `build`."""
    check_below(level, module)
    return _descent(module, settings, context, BuildClock(settings.progress)).to(level)


def chosen_targets(target: str | Sequence[str] | None, present: ArchSpec | None) -> tuple[ArchSpec, ...]:
    """The GPU targets that TARGET names; for None that of PRESENT, this machine's GPU, if there is one.

    Raises InputError for what is not a target or list of targets, and for two cards of one architecture.
    """
    if target is None:
        return (present,) if present is not None else ()
    names = [target] if isinstance(target, str) else target
    listed = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    if not listed or not names:
        raise InputError(f"a target is 'host', 'sm_XX', 'sm_XX:CARD' or a list of these, not {target!r}")
    chosen = tuple(dict.fromkeys(arch_named(name) for name in names if name != HOST))
    for one, other in combinations(chosen, 2):
        if one.name == other.name:
            cards = f"{one.card.title} and {other.card.title}"
            raise InputError(f"a plan has one part for {one.name}, not one for {cards}", "build two plans")
    return chosen


def present_arch() -> ArchSpec | None:
    """The architecture of this machine's GPU, with that GPU's own figures; None without a usable GPU."""
    figures = present_figures()
    return None if figures is None else arch_of_device(figures)
