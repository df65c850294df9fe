"""Trials: one model lowered in many mixtures of formats, timed by the cost model and executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...codegen.interface import ArchSpec, expected, request_of
from ...dialects.core.clone import clone_module
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
from ...dialects.launch import kernels_in
from ...errors import InputError
from ...runtime.engine import Engine
from ..calibration.calibrate import check_limit
from ..calibration.data import Batches, checked_batches, open_set
from ..driver.build import Settings, brought_to, build, context_of, launch_level
from ..frontend.source import InputShapes, Shapes, Source, level_of, load_module
from ..kernels.members import members_of
from ..passes.manager import PassContext
from ..settings.names import INTERPRET
from ..settings.policy import PrecisionPolicy
from .quality import Outputs

Batch = Mapping[str, Array]
DIGITS = 3  # of microseconds; times are rounded so that negligible differences vanish


@dataclass(frozen=True)
class Times:
    """Expected times in microseconds, by the cost model at the optimum of all symbols.

    total: of all launches; by_node: the share of each ONNX node. The time of a launch of several nodes is
    divided equally among them.
    """

    total: float
    by_node: Mapping[str, float]


@dataclass(frozen=True)
class MixtureTrials:
    """A model on which mixtures are tried.

    module: the model as imported; settings: how to build it; batches: inputs to run; device: as for `Engine`,
    or 'interpret' for numpy.
    """

    module: Module
    settings: Settings
    batches: Sequence[Batch]
    device: str | None = INTERPRET
    _times: dict[PrecisionPolicy, Times] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raise InputError for a module below the graph level, whose formats are decided already."""
        check_graph_level(self.module)

    @cached_property
    def target(self) -> ArchSpec:
        """The target whose times count: the first one. All targets share the mixture."""
        return self.settings.planned[0]

    def copy(self) -> Module:
        """A copy of the module, which may be modified."""
        return clone_module(self.module)

    def _settings(self, policy: PrecisionPolicy) -> Settings:
        return replace(self.settings, precision=policy, progress=None, decided=())

    def brought_to(self, level: str, policy: PrecisionPolicy) -> tuple[Module, PassContext]:
        """A copy of the module lowered to LEVEL under POLICY, and the context with the passes' decisions."""
        settings = self._settings(policy)
        context = context_of(settings)
        return brought_to(level, self.copy(), settings, context), context

    def times(self, policy: PrecisionPolicy) -> Times:
        """The expected times of the module under POLICY; each policy is lowered once. Raises as `build`."""
        if policy not in self._times:
            settings = self._settings(policy)
            launched = launch_level(self.copy(), settings, context_of(settings))
            self._times[policy] = times_of(launched, self.target)
        return self._times[policy]

    def outputs(self, policy: PrecisionPolicy) -> Iterator[Outputs]:
        """The outputs of every batch under POLICY, one batch at a time. Raises as `build` and `Engine` do."""
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
        """BATCH cast to the input types of POLICY."""
        values = dict(zip(self.module.main.inputs, self.module.main.arguments, strict=True))
        types = {name: policy.io_type(name, value.type.dtype).numpy for name, value in values.items()}
        return {name: array.astype(types[name], copy=False) for name, array in batch.items()}


def check_graph_level(module: Module) -> None:
    """Raise InputError for a MODULE below the graph level."""
    level = level_of(module)
    if level != "graph":
        raise InputError(f"this needs a model at the graph level; this one is at the {level} level")


@dataclass(frozen=True)
class HeldBatches:
    """Batches held in memory, as every mixture runs on all; partial: whether some of the data is left out."""

    batches: Sequence[Batch]
    partial: bool

    @staticmethod
    def of(data: Batches, module: Module, limit: int | None = None) -> HeldBatches:
        """The first LIMIT batches of DATA (None: all) for MODULE. Raises as `calibrate` does."""
        check_limit(limit)
        opened = open_set(data, module)
        batches = list(checked_batches(opened, limit, module))
        return HeldBatches(batches, limit is not None or opened.left_out > 0)


def load_model(model: Source, inputs: InputShapes | None, shapes: Shapes | None) -> Module:
    """The module of MODEL, a copy if MODEL is a module. Raises as `load_module`, InputError if lowered."""
    module = load_module(model, inputs, shapes)
    check_graph_level(module)
    return clone_module(module) if module is model else module


def times_of(launched: Module, target: ArchSpec) -> Times:
    """The expected times of LAUNCHED, a launch-level module, on TARGET; equal kernels are timed once."""
    known: dict[str, float] = {}
    by_node: dict[str, float] = {}
    total = 0.0
    for op in kernels_in(launched.main.block):
        if op.kernel not in known:
            known[op.kernel] = expected(request_of(launched, op, target), op.family, op.config)
        total += known[op.kernel]
        nodes = list(dict.fromkeys(node for member in members_of(op) for node in member.nodes))
        for node in nodes or op.location.nodes:
            share = known[op.kernel] / len(nodes or op.location.nodes)
            by_node[node] = by_node.get(node, 0.0) + share
    return Times(round(total, DIGITS), by_node)
