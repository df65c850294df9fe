"""The whole path from a model to a plan, with the text of every level kept on the way."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...codegen.assemble import BuildOptions, assemble, planning_target
from ...codegen.cache import KernelCache
from ...codegen.nvrtc import check_target
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...errors import InputError, UnsupportedError
from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..passes.debug import Sink
from ..passes.ledger import Ledger, Record, Verdict
from ..passes.levels import ALL_DIALECTS, LEVELS
from ..passes.manager import PassContext, PassManager
from ..passes.origins import NodeNames, origins_of
from ..passes.switches import resolve_switches
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.options import Options
from ..settings.policy import PrecisionPolicy, as_policy
from .interface import check_overrides, set_io_types
from .pipeline import checks_at, passes_to
from .rules import check_rules
from .size_records import record_sizes

Progress = Callable[[str, int, int], None]  # stage, done, total
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
    clock, context = _Clock(settings.progress), context_of(settings)
    with clock.stage("import"), no_collections():
        module = load_module(source, inputs, shapes)
        if settings.calibration is not None:
            settings.calibration.check(model_hash(module))
    context.debug.stage("import", clock.seconds["import"], {"ops": _op_count(module)})
    module = lower(module, settings, context, clock)
    # Compilers take their time, in which the caller's own garbage must not pile up.
    with clock.stage("kernels"), nullcontext() if settings.targets else no_collections():
        options = BuildOptions(settings.targets, settings.cache, clock.kernels)
        ledger = context.ledger
        plan = assemble(module, clock.texts, ledger.to_json(), options, ledger.text())
    context.debug.stage("kernels", clock.seconds["kernels"], {"kernels": len(plan.sources)})
    context.debug.sources(plan.sources)
    return Build(plan, dict(clock.seconds))


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
    return lower(module, settings, context, _Clock(settings.progress))


def brought_to(level: str, module: Module, settings: Settings, context: PassContext) -> Module:
    """What MODULE becomes at LEVEL, which is not above its own. Raises as `build` does."""
    return lower(module, settings, context, _Clock(settings.progress), level)


@np.errstate(all="ignore")
def lower(
    module: Module, settings: Settings, context: PassContext, clock: _Clock, last: str = LEVELS[-1]
) -> Module:
    """MODULE at the level LAST; the text of every level on the way goes to the clock's `texts`.

    Levels above the one that MODULE enters at have no text.
    """
    entered = LEVELS.index(level_of(module))
    target = planning_target(settings.targets)
    clock.texts = dict.fromkeys(LEVELS[:entered], "")
    context.ledger.origins = origins_of(module)
    for remark in module.remarks:
        context.ledger.add(remark.rule, Verdict.TAKEN, remark.reason, nodes=remark.nodes)
    resolve_switches(context, NodeNames(context.ledger.origins, module.main.inputs))
    check_overrides(context.policy, context.ledger.origins, LEVELS[entered])
    set_io_types(module, context.policy)
    record_sizes(module, context.ledger)
    dumps = WholeFolder.of(settings.dump_dir)
    number = decided = 0
    for level in LEVELS[entered : LEVELS.index(last) + 1]:
        # A module that enters below the graph level is taken as it is written.
        made = level == "graph" or LEVELS.index(level) > entered
        passes = passes_to(level, target) if made else checks_at(level)
        manager = PassManager(
            passes, context, settings.print_ir, dumps, settings.verify_each, first_number=number
        )
        with clock.stage(level), no_collections():
            module = manager.run(module)
            clock.texts[level] = print_module(module)
        counts = {"ops": _op_count(module), "decisions": context.decisions - decided}
        context.debug.stage(level, clock.seconds[level], counts)
        number, decided = number + len(passes), context.decisions
    return module


def _op_count(module: Module) -> int:
    """The ops of MODULE, those inside kernels among them."""
    return sum(1 for _ in module.walk())


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
    """Seconds by stage, texts by level, and messages to whoever watches."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}
        self.texts: dict[str, str] = {}

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
        self._clock.seconds[self._name] = time.perf_counter() - self._begin
        self._clock.tell(self._name, 1, 1)


def chosen_targets(target: str | Sequence[str] | None, present: str | None) -> tuple[str, ...]:
    """The GPU targets that TARGET names; PRESENT is the GPU of this machine, used when TARGET is None."""
    if target is None:
        target = present or HOST
    names = [target] if isinstance(target, str) else target
    listed = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    if not listed or not names:
        raise InputError(f"a target is 'host', 'sm_XX' or a list of these, not {target!r}")
    return tuple(dict.fromkeys(name for name in names if name != HOST))
