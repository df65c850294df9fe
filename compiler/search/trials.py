"""Trials: one model in many mixtures of formats, each lowered, timed by the cost model and executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...codegen.interface import ArchSpec, expected, request_of
from ...dialects.core.clone import clone_module
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ...dialects.launch import Kernel
from ...errors import InputError
from ...runtime.engine import Engine
from ..calibration.calibrate import check_limit
from ..calibration.data import Batches, checked_batches, open_set
from ..calibration.observe import INTERPRET
from ..driver.build import Settings, brought_to, build, context_of, launch_level
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..kernels.members import members_of
from ..passes.manager import PassContext
from ..settings.policy import PrecisionPolicy
from .quality import Outputs

Batch = Mapping[str, Array]
DIGITS = 3  # of microseconds: what differs by less is equal


@dataclass(frozen=True)
class Times:
    """What the cost model expects at the optimum of all symbols, in microseconds: of all launches, and of
    those that each ONNX node has a part in; a launch of several nodes counts for each of them in part."""

    total: float
    by_node: Mapping[str, float]


@dataclass(frozen=True)
class MixtureTrials:
    """MODULE, as it was imported, and what its mixtures are tried on.

    settings: how to build; device: as for `Engine`, or 'interpret' for numpy.
    """

    module: Module
    settings: Settings
    batches: Sequence[Batch]
    device: str | None = INTERPRET
    _times: dict[PrecisionPolicy, Times] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """InputError below the graph level, where formats are decided."""
        check_graph_level(self.module)

    @cached_property
    def target(self) -> ArchSpec:
        """Whose times are those of a mixture: the first of the targets, which share the mixture."""
        return self.settings.planned[0]

    def copy(self) -> Module:
        """A copy of the module, to be changed."""
        return clone_module(self.module)

    def _settings(self, policy: PrecisionPolicy) -> Settings:
        return replace(self.settings, precision=policy, progress=None, decided=())

    def brought_to(self, level: str, policy: PrecisionPolicy) -> tuple[Module, PassContext]:
        """A copy of the module at LEVEL under POLICY, and what the passes decided on the way."""
        settings = self._settings(policy)
        context = context_of(settings)
        return brought_to(level, self.copy(), settings, context), context

    def times(self, policy: PrecisionPolicy) -> Times:
        """What the cost model says of the module under POLICY, built once. Raises as `build` does."""
        if policy not in self._times:
            settings = self._settings(policy)
            launched = launch_level(self.copy(), settings, context_of(settings))
            self._times[policy] = times_of(launched, self.target)
        return self._times[policy]

    def outputs(self, policy: PrecisionPolicy) -> Iterator[Outputs]:
        """The outputs of every batch under POLICY, one after the other. Raises as `build` and `Engine` do."""
        settings, copy = self._settings(policy), self.copy()
        batches = (self._typed(batch, policy) for batch in self.batches)
        if self.device == INTERPRET:
            launched = launch_level(copy, settings, context_of(settings))
            for batch in batches:
                with np.errstate(all="ignore"):
                    outputs = interpret(launched, batch)
                yield outputs
            return
        plan = build(copy, settings).plan
        with Engine(plan, self.device) as engine:
            for batch in batches:
                yield {name: np.asarray(array) for name, array in engine.run(batch).items()}

    def _typed(self, batch: Batch, policy: PrecisionPolicy) -> Batch:
        """BATCH in the types that POLICY gives inputs."""
        values = dict(zip(self.module.main.inputs, self.module.main.arguments, strict=True))
        types = {name: policy.io_type(name, value.type.dtype).numpy for name, value in values.items()}
        return {name: array.astype(types[name], copy=False) for name, array in batch.items()}


def check_graph_level(module: Module) -> None:
    """InputError for a MODULE that was lowered already."""
    level = level_of(module)
    if level != "graph":
        raise InputError(f"formats are searched at the graph level; this model is at the {level} level")


@dataclass(frozen=True)
class Held:
    """Batches in memory, for every mixture is tried on all; partial: some elements were left out."""

    batches: Sequence[Batch]
    partial: bool

    @staticmethod
    def of(data: Batches, module: Module, limit: int | None = None) -> Held:
        """The batches of DATA, the first LIMIT of them, for MODULE; raises as `calibrate`."""
        check_limit(limit)
        opened = open_set(data, module)
        batches = list(checked_batches(opened, limit, module))
        return Held(batches, limit is not None or opened.left_out > 0)


def load_model(model: Source, inputs: InputShapes | None, shapes: Shapes | None) -> Module:
    """MODEL as a module that belongs to nobody else."""
    module = load_module(model, inputs, shapes)
    check_graph_level(module)
    return clone_module(module) if module is model else module


def times_of(launched: Module, target: ArchSpec) -> Times:
    """The expected times of a module of the launch level; equal kernels are timed once."""
    known: dict[str, float] = {}
    by_node: dict[str, float] = {}
    total = 0.0
    for op in launched.main.block:
        if not isinstance(op, Kernel):
            continue
        if op.kernel not in known:
            known[op.kernel] = expected(request_of(launched, op, target), op.family, op.config)
        total += known[op.kernel]
        nodes = list(dict.fromkeys(node for member in members_of(op) for node in member.nodes))
        for node in nodes or op.location.nodes:
            share = known[op.kernel] / len(nodes or op.location.nodes)
            by_node[node] = by_node.get(node, 0.0) + share
    return Times(round(total, DIGITS), by_node)
