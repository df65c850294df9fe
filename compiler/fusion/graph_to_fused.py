"""graph → fused: vertical fusion puts every op that runs into a kernel.

The phases are ordered by what they save: contractions absorb their epilogues, row-wise ops the other
ops on their rows, windows their epilogues, and the remaining ops become loops. Reshapes that move no
data stay outside of kernels, as views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...codegen.interface import ArchSpec
from ...dialects.control import ControlOp, all_blocks
from ...dialects.core.diagnostics import op_error
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.fused import FusedKernel
from ...dialects.graph.constants import Constant
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.roots import Root, led_by
from ..passes.manager import PassContext
from ..patterns.depth import places
from ..simplify.dce import erase_dead
from .vertical.attention_layouts import absorb_movement
from .vertical.clusters import Cluster, ClusterPlan, is_clusterable, moves, viewed
from .vertical.consumers import CONTRACTION_EPILOGUE, ROW_CONSUMER, WINDOW_EPILOGUE, ConsumerFusion
from .vertical.kernel_builder import build_copy, build_kernel
from .vertical.producers import ProducerFusion
from .vertical.prologues import Prologues
from .vertical.record import Recorder
from .vertical.rows import row_domain, set_rows
from .vertical.shuffles import absorb_shuffles


@dataclass(frozen=True)
class GraphToFused:
    """Vertical fusion for TARGET, in functions and in the regions of control flow; every candidate, taken or
    refused, is recorded in the ledger.

    Raises IRError for an op that no kernel took.
    """

    target: ArchSpec
    name: ClassVar[str] = "graph-to-fused"

    def run(self, module: Module, context: PassContext) -> Module:
        for block in all_blocks(module):
            erase_dead(block)
            plan = make_plan(module, block, context, self.target)
            for cluster in plan.finish():
                build_kernel(cluster)
            _materialize_outputs(block)
            erase_dead(block)
            _check(block)
        return module


def make_plan(module: Module, block: Block, context: PassContext, target: ArchSpec) -> ClusterPlan:
    """Decide which ops of BLOCK form which kernels for TARGET; the block is not changed."""
    plan = ClusterPlan(module, block, target)
    recorder = Recorder(context, plan)
    limit = context.options.kernel_ops
    _open_seeds(plan)
    absorb_movement(plan, recorder)
    consumers = ConsumerFusion(plan, recorder, limit)
    for cluster in _deepest_first(plan):
        consumers.grow(cluster, CONTRACTION_EPILOGUE)
    absorb_shuffles(plan, recorder, limit)
    _grow_rows(plan, consumers)
    for cluster in plan.clusters:
        if cluster.root is Root.LOOP:
            consumers.grow(cluster, WINDOW_EPILOGUE)
    prologues = Prologues(plan, context.policy)
    ProducerFusion(plan, recorder, limit, prologues).run()
    for cluster in plan.clusters:
        _peel_views(plan, cluster, recorder)
    recorder.write()
    return plan


def _open_seeds(plan: ClusterPlan) -> None:
    """Open a cluster for every op that always leads a kernel."""
    for op in plan.order:
        root = led_by(op)
        if root is not None:
            plan.open(root, op)


def _deepest_first(plan: ClusterPlan) -> list[Cluster]:
    """The contractions of PLAN, so that of two whose results are added the one that runs last comes first."""
    found = [cluster for cluster in plan.clusters if cluster.root is Root.CONTRACTION]
    place = places(plan.block)
    return sorted(found, key=lambda each: place[each.seed], reverse=True)


def _grow_rows(plan: ClusterPlan, consumers: ConsumerFusion) -> None:
    """Open a row kernel at each row-wise op that is still free, and let it absorb ops on the same rows."""
    for op in plan.order:
        domain = row_domain(op)
        if domain is not None and plan.free(op):
            cluster = plan.open(Root.ROW, op)
            set_rows(cluster, domain, plan)
            consumers.grow(cluster, ROW_CONSUMER)


# ---------------------------------------------------------------- views


def _peel_views(plan: ClusterPlan, cluster: Cluster, recorder: Recorder) -> None:
    """Remove reshapes at the edges of a loop kernel from it: between kernels they are free views.

    A reshape next to a tensor that may be stored channels-last stays, since there it is no view.
    """
    if cluster.root is not Root.LOOP:
        return
    ordered = sorted(cluster.ops, key=plan.order.__getitem__)
    permutes = moves(cluster)
    alone = all(isinstance(op, Reshape) for op in ordered)
    for op in ordered:
        leads = isinstance(op, Reshape) and op.x.producer not in cluster.ops
        if leads and (alone or not _may_be_channels_last(plan, op, permutes)):
            plan.remove(op)
            recorder.became_view(op)
    for op in reversed(ordered):
        if not isinstance(op, Reshape) or op not in cluster.ops:
            break
        if permutes and any(_wants_channels_last(plan, user) for user in op.result.users):
            break
        plan.remove(op)
        recorder.became_view(op)


def _may_be_channels_last(plan: ClusterPlan, reshape: Operation, permutes: bool) -> bool:
    """True when RESHAPE reads a convolution's result or, in a kernel that PERMUTES, that of a loop."""
    value = reshape.inputs[0]
    cluster = plan.owner.get(value.producer) if value.producer is not None else None
    if cluster is None or value.type.rank < 3:
        return False
    return _is_convolution(cluster) or (permutes and cluster.root is Root.LOOP)


def _wants_channels_last(plan: ClusterPlan, user: Operation) -> bool:
    cluster = plan.owner.get(user)
    return cluster is not None and (cluster.root is Root.LOOP or _is_convolution(cluster))


def _is_convolution(cluster: Cluster) -> bool:
    return cluster.root is Root.CONTRACTION and not isinstance(cluster.seed, Matmul)


# ---------------------------------------------------------------- outputs


def _materialize_outputs(block: Block) -> None:
    """Copy outputs that need their own memory: inputs, constants, and values that are returned twice."""
    reader = block.terminator
    taken: set[Value] = set()
    for index, value in enumerate(reader.inputs):
        root = viewed(value)
        if not isinstance(root.producer, (FusedKernel, ControlOp)) or root in taken:
            build_copy(value, reader, index)
        taken.add(root)


def _check(block: Block) -> None:
    """Raise IRError when an op that runs was left outside every kernel."""
    for op in block:
        if is_clusterable(op) and not isinstance(op, (FusedKernel, Reshape, Constant)):
            raise op_error(op, "was left outside every kernel")
