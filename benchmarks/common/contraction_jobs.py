"""The launches of a model that multiply: what measures each alone, and what to call it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from glassrt.codegen.interface import (
    ArchSpec,
    BuildOptions,
    Candidate,
    KernelCache,
    UnfitError,
    candidates,
    request_of,
    request_signature,
)
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend.source import InputShapes, Source, load_module
from glassrt.compiler.fusion.horizontal.contractions import HorizontalContraction
from glassrt.compiler.kernels.members import nodes_by_launch
from glassrt.compiler.schedule.chaining.record import CHAIN_CONTRACTIONS
from glassrt.compiler.schedule.grouping.group_launches import GroupLaunches
from glassrt.compiler.search.tuning.jobs import TuningJob, measurable
from glassrt.compiler.search.tuning.residence import cold_inputs
from glassrt.compiler.search.tuning.trial import TrialPlans
from glassrt.compiler.search.tuning.tune import EVICT
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.ir import Operation, Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.launch import Kernel, kernels_in
from glassrt.runtime.plan import Plan

# What puts several layers of a network into one launch; without it each is a launch of its own.
ALONE = frozenset({HorizontalContraction.name, GroupLaunches.name, CHAIN_CONTRACTIONS})
TRIED = 8  # candidates, until one is compiled as it is meant


@dataclass(frozen=True)
class ContractionJob:
    """Launches of a model that are alike: how one is measured, and what makes plans for that."""

    job: TuningJob
    plans: TrialPlans
    inside: str = ""  # the family of the network's launch that computes this and more, if one does

    @property
    def contractions(self) -> list[Operation]:
        """What the launch multiplies: one product or convolution, or the chain of several."""
        return contractions_of(self.job.op)

    @property
    def flops(self) -> int:
        """The operations of these products, additions included."""
        return sum(evaluate(op.flops(), dict(self.job.request.optimum)) for op in self.contractions)

    def planned(self) -> tuple[Candidate, Plan]:
        """The first candidate that is compiled as it is meant, as a build takes it, and its plan."""
        for candidate in self.job.candidates:
            with suppress(UnfitError):
                return candidate, self.plans.plan(self.job, candidate)
        raise RuntimeError(f"no candidate of {self.described()} is compiled as it is meant")

    @property
    def residual(self) -> bool:
        """Whether a tensor of the size of a product's result is added."""
        shapes = [op.result.type.shape for op in self.contractions]
        operands = {origin(x) for op in self.contractions for x in op.inputs[:2]}
        return any(x.type.shape in shapes and x not in operands for x in self.job.op.body.block.arguments)

    @property
    def pool(self) -> MaxPool | None:
        """The pool that the launch ends with."""
        return next((op for op in self.job.op.body.block if isinstance(op, MaxPool)), None)

    @property
    def rectified(self) -> Conv | None:
        """The convolution, where the launch is a single dense one with a ReLU."""
        first, *more = self.contractions
        relu = any(isinstance(op, Relu) for op in self.job.op.body.block)
        return first if isinstance(first, Conv) and not more and relu and first.groups == 1 else None

    def described(self) -> str:
        """What the launch computes: windows, channels and sizes, and what is fused to them."""
        texts = [_described(op) for op in self.contractions] + (["pool"] if self.pool else [])
        return " + ".join(texts) + (", residual" if self.residual else "")


def jobs_of_model(
    model: Source, shapes: InputShapes | None, policy: PrecisionPolicy, target: ArchSpec
) -> list[ContractionJob]:
    """The distinct launches of MODEL, whose inputs have SHAPES, that multiply, in order; ALONE is left out.

    Weights are cold where the whole of MODEL says so, and always where it is a single launch: alone it would
    find them where its last run has left them.
    """
    launch = _launches(model, shapes, Settings(targets=(target,), precision=policy, disabled=ALONE))
    built = _Together.of(_launches(model, shapes, Settings(targets=(target,), precision=policy)))
    kernels, cold = list(measurable(launch)), cold_inputs(launch, target.card.l2_bytes)
    options = BuildOptions(targets=(target,), cache=KernelCache())
    plans = TrialPlans(launch, target, EVICT * target.card.l2_bytes, options)
    same: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        if contractions_of(kernel):
            same.setdefault(request_signature(request_of(launch, kernel, target)), []).append(kernel)
    found = []
    for signature, (kernel, *others) in same.items():
        request = request_of(launch, kernel, target)
        tried = tuple(candidates(request)[:TRIED])
        away = cold[kernel] if len(kernels) > 1 else tuple(sorted({*cold[kernel], *request.weights}))
        job = TuningJob(signature, kernel, request, tried, 1 + len(others), away)
        (nodes,) = nodes_by_launch([kernel])
        found.append(ContractionJob(job, plans, built.family_of(nodes)))
    return found


def _launches(model: Source, shapes: InputShapes | None, settings: Settings) -> Module:
    return launch_level(load_module(model, shapes), settings, context_of(settings))


@dataclass(frozen=True)
class _Together:
    """The launches of a network as it is built, by the nodes that they compute."""

    family: dict[str, str]
    nodes: dict[str, set[str]]

    @classmethod
    def of(cls, launch: Module) -> _Together:
        kernels = list(kernels_in(launch.main.block))
        named = list(zip(kernels, nodes_by_launch(kernels), strict=True))
        families = {node: kernel.family for kernel, nodes in named for node in nodes}
        return cls(families, {node: set(nodes) for _, nodes in named for node in nodes})

    def family_of(self, alone: Sequence[str]) -> str:
        """The family of the launch that computes the nodes ALONE and others; nothing where it is alone."""
        first = next((node for node in alone if node in self.nodes), None)
        return self.family[first] if first is not None and self.nodes[first] > set(alone) else ""


def contractions_of(kernel: Kernel) -> list[Operation]:
    """The products and convolutions of KERNEL."""
    if len(kernel.body.block.arguments) == 0:
        return []
    return [op for op in kernel.body.block if has(op, Trait.CONTRACTION) and isinstance(op, (Conv, Matmul))]


def origin(value: Value) -> Value:
    """The argument of a region that VALUE is made of, or the contraction."""
    while value.producer is not None and not has(value.producer, Trait.CONTRACTION):
        value = value.producer.inputs[0]
    return value


def _described(op: Operation) -> str:
    if not isinstance(op, Conv):
        *batches, m, n = op.result.type.shape
        k = op.inputs[0].type.shape[-2 if op.transpose_a else -1]  # type: ignore[attr-defined]
        return " x ".join(str(size) for size in (*batches, m, n, k))
    channels, size = op.x.type.shape[1:3]
    text = f"{op.w.type.shape[2]}x{op.w.type.shape[3]} {channels}-{op.w.type.shape[0]} at {size}"
    text += f" by {op.strides[0]}" if op.strides[0] > 1 else ""
    return text + (", depthwise" if op.groups > 1 else "")
