"""Vertical fusion of channel shuffles: a convolution stores its results in shuffled channels.

    reshape(transpose(reshape(conv(x), [N, g, c, ...])), [N, c*g, ...])  =>  one kernel

The shuffle permutes channels and changes nothing else. Fused, it only narrows the stores, because
adjacent channels of the accumulator are no longer adjacent in memory.
"""

from __future__ import annotations

from ....codegen.interface import Shuffle
from ....dialects.core.ir import Operation, Value
from ....dialects.graph.convolution import Conv
from ....dialects.roots import Root
from .clusters import Cluster, ClusterPlan
from .record import Recorder, Refusal

RULE = "contraction-shuffle"
SUMMARY = "channel_shuffle(conv) => the convolution stores its results in shuffled channels"
REASON = "the convolution stores its results in shuffled channels"


def absorb_shuffles(plan: ClusterPlan, recorder: Recorder, limit: int) -> None:
    """Fuse channel shuffles into the convolutions of PLAN that produce their input; LIMIT ops a kernel."""
    for cluster in plan.clusters:
        shuffle = _behind(plan, cluster) if isinstance(cluster.seed, Conv) else None
        if shuffle is None:
            continue
        first = shuffle.source.producer
        assert first is not None
        sources = (first, *shuffle.ops)
        refusal = _refusal(recorder, cluster, shuffle, limit)
        for producer, consumer in zip(sources, shuffle.ops, strict=False):
            if refusal is None:
                plan.add(cluster, consumer)
                recorder.joined(RULE, [(producer, consumer)], REASON)
            elif producer is first:
                recorder.refused(RULE, producer, consumer, refusal)


def _behind(plan: ClusterPlan, cluster: Cluster) -> Shuffle | None:
    """The channel shuffle that is the only consumer of CLUSTER's result; None when there is none."""
    ends = [op.result for op in cluster.ops if any(user not in cluster for user in op.result.users)]
    value: Value = ends[0] if len(ends) == 1 else cluster.seed.result
    for _ in range(3):
        if len(value.uses) != 1 or not value.users[0].results or not plan.free(value.users[0]):
            return None
        value = value.users[0].result
    shuffle = Shuffle.of(value)
    return shuffle if shuffle is not None and shuffle.source in ends else None


def _refusal(recorder: Recorder, cluster: Cluster, shuffle: Shuffle, limit: int) -> Refusal | None:
    if len(cluster.ops) + len(shuffle.ops) > limit:
        return Refusal(f"the kernel already has {len(cluster.ops)} ops", {"kernel_ops": limit})
    inside: list[Operation] = list(shuffle.ops)
    for op in inside:
        off = recorder.follower_off(cluster, op)
        if off is not None:
            return off
    marked = Cluster(Root.CONTRACTION, inside[0], dict.fromkeys(inside))
    off = next((found for op in inside[1:] if (found := recorder.follower_off(marked, op))), None)
    return off or recorder.rule_off(RULE)
