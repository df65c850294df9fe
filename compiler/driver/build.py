"""The whole path from a model to a plan, with the text of every level kept on the way."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from ...codegen.arch.names import REFERENCE, arch_named, arch_of_device
from ...codegen.arch.spec import ArchSpec
from ...codegen.assemble import BuildOptions, assemble
from ...codegen.cache import KernelCache
from ...codegen.nvrtc import check_target
from ...dialects.core.ir import Module
from ...errors import InputError, UnsupportedError
from ...runtime.discovery import present_figures
from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..passes.ledger import Ledger, Record, Verdict
from ..passes.levels import ALL_DIALECTS, LEVELS
from ..passes.manager import PassContext, Sink
from ..passes.origins import NodeNames, origins_of
from ..passes.switches import resolve_switches
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.options import Options
from ..settings.policy import PrecisionPolicy, as_policy
from .interface import check_overrides, set_io_types
from .lowering import Descent, Watch, lowered_for
from .parts import Part, parts_of
from .rules import check_rules
from .size_records import record_sizes

Progress = Callable[[str, int, int], None]  # stage, done, total
HOST = "host"


@dataclass(frozen=True)
class Settings:
    """How to build.

    targets: GPU architectures, empty for the host alone; precision: a policy; disabled:
    rules not to apply; barriers: pairs of ONNX nodes not to fuse; keep: ONNX nodes whose results are
    to be stored; calibration: for policies of eight bits; decided: records of what was decided before the
    build, for its ledger; limit: see `PassContext`; dump_dir, print_ir,
    verify_each: see `PassManager`; cache: compiled kernels, None for no cache; progress: is told of
    every stage.
    """

    targets: tuple[ArchSpec, ...] = ()
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

    @property
    def planned(self) -> tuple[ArchSpec, ...]:
        """The architectures that kernels are chosen for; the host alone runs those of a reference."""
        return self.targets or (REFERENCE,)

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
        check_target(target.name)
    clock = _Clock(settings.progress)
    with clock.stage("import"), no_collections():
        module = load_module(source, inputs, shapes)
        if settings.calibration is not None:
            settings.calibration.check(model_hash(module))
    start = _descent(module, settings, context_of(settings), clock)
    parts = parts_of(lowered_for(settings.planned, start))
    # Compilers take their time, in which the caller's own garbage must not pile up.
    with clock.stage("kernels"), nullcontext() if settings.targets else no_collections():
        plans = [_assembled(part, settings, clock) for part in parts]
    return Build(replace(plans[0], further=tuple(plans[1:])) if plans[1:] else plans[0], dict(clock.seconds))


def _assembled(part: Part, settings: Settings, clock: _Clock) -> Plan:
    """The plan of one part; what the host alone runs is for no target."""
    way, targets = part.way, part.targets if settings.targets else ()
    options = BuildOptions(targets, settings.cache, clock.kernels)
    ledger = way.context.ledger
    return assemble(way.module, way.texts, ledger.to_json(), options, ledger.text())


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
    """What MODULE becomes at the launch level, without the code of its kernels; see `brought_to`."""
    return brought_to(LEVELS[-1], module, settings, context)


@np.errstate(all="ignore")
def brought_to(level: str, module: Module, settings: Settings, context: PassContext) -> Module:
    """What MODULE becomes for the first target at LEVEL, which is not above its own. Raises as `build`."""
    return _descent(module, settings, context, _Clock(settings.progress)).to(level)


def _descent(module: Module, settings: Settings, context: PassContext, clock: _Clock) -> Descent:
    """MODULE before its first pass, with everything that is told of it as it came in."""
    context.ledger.origins = origins_of(module)
    for remark in module.remarks:
        context.ledger.add(remark.rule, Verdict.TAKEN, remark.reason, nodes=remark.nodes)
    resolve_switches(context, NodeNames(context.ledger.origins, module.main.inputs))
    check_overrides(context.policy, context.ledger.origins, level_of(module))
    set_io_types(module, context.policy)
    record_sizes(module, context.ledger)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        with clock.stage(name), no_collections():
            yield

    watch = Watch(settings.print_ir, WholeFolder.of(settings.dump_dir), settings.verify_each, stage)
    return Descent(module, context, settings.planned[0], watch)


@contextmanager
def no_collections() -> Iterator[None]:
    """Without garbage collections inside: a module is one web of references, and they would walk all of it
    over and over to find it alive, which takes a quarter of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Clock:
    """Seconds by stage, and messages to whoever watches."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    def stage(self, name: str) -> _Stage:
        return _Stage(self, name)

    def tell(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)

    def kernels(self, _kernel: str, done: int, total: int) -> None:
        self.tell("kernels", done, total)


class _Stage:
    """Times one stage."""

    def __init__(self, clock: _Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._begin = 0.0

    def __enter__(self) -> None:
        self._clock.tell(self._name, 0, 1)
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._begin
        self._clock.seconds[self._name] = self._clock.seconds.get(self._name, 0.0) + spent
        self._clock.tell(self._name, 1, 1)


def chosen_targets(target: str | Sequence[str] | None, present: ArchSpec | None) -> tuple[ArchSpec, ...]:
    """The GPU targets that TARGET names; PRESENT is the GPU of this machine, used when TARGET is None."""
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
    """The GPU of this machine, with its own figures; None without a usable one."""
    figures = present_figures()
    return None if figures is None else arch_of_device(figures)
