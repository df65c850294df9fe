"""Candidates for eight bits: the kernels of the fused graph with a contraction, named by their ONNX nodes."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...dialects.core.ir import Operation
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.fused import FusedKernel
from ..passes.eight_bits import EightBitProducts
from ..settings.formats import EIGHT_BITS, format_named
from ..settings.policy import Override, PrecisionPolicy


@dataclass(frozen=True)
class MixtureCandidate:
    """A fused kernel with a contraction, or several kernels that share an ONNX node.

    nodes: the ONNX nodes of all its ops, in order; named: those of its contractions, which overrides name;
    ops: names of its ops; refusals: the reason for each format that it cannot run in.
    """

    nodes: tuple[str, ...]
    named: tuple[str, ...]
    ops: tuple[str, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)

    def overrides(self, format: str) -> list[Override]:
        """The overrides that make it run in FORMAT."""
        return [Override("node", glob.escape(node), format_named(format)) for node in self.named]

    def offers(self, format: str) -> bool:
        """Whether it can run in FORMAT."""
        return format not in self.refusals


def with_formats(
    base: PrecisionPolicy, candidates: Sequence[MixtureCandidate], formats: Sequence[str | None]
) -> PrecisionPolicy:
    """BASE with an override for each of CANDIDATES to its format in FORMATS, None for that of BASE.

    The overrides of BASE come last, so they still win.
    """
    pairs = zip(candidates, formats, strict=True)
    mixed = [override for one, form in pairs if form is not None for override in one.overrides(form)]
    return PrecisionPolicy(base.default, (*mixed, *base.overrides), base.io, base.allow_fallback)


def contraction_kernels(fused: Module, policy: PrecisionPolicy) -> list[MixtureCandidate]:
    """The candidates of a module of the fused level, in program order.

    Kernels whose contractions come from the same ONNX node form one candidate, as an override cannot tell
    them apart.
    """
    kernels = list(_kernels(fused))
    heads = list(range(len(kernels)))  # union-find: for each kernel, itself or an earlier one of its group
    owner: dict[str, int] = {}
    for number, kernel in enumerate(kernels):
        for node in _named(kernel):
            one, other = sorted((_head(heads, number), _head(heads, owner.setdefault(node, number))))
            heads[other] = one
    groups: dict[int, list[FusedKernel]] = {}
    for number, kernel in enumerate(kernels):
        groups.setdefault(_head(heads, number), []).append(kernel)
    return [_candidate(members, policy) for members in groups.values()]


def _head(heads: list[int], number: int) -> int:
    """The first kernel of the group of kernel NUMBER; paths are halved on the way (union-find)."""
    while heads[number] != number:
        heads[number] = heads[heads[number]]
        number = heads[number]
    return number


def with_refusals(
    candidates: Iterable[MixtureCandidate], format: str, decided: EightBitProducts
) -> Iterator[MixtureCandidate]:
    """CANDIDATES with their reasons against FORMAT, as a build DECIDED that asked for it everywhere."""
    for one in candidates:
        if one.refusals.get(format) is None and not decided.chosen.intersection(one.named):
            kind = f"no kernel multiplies in {format} for {' or '.join(one.ops[:1])}"
            reason = next((decided.refused[node] for node in one.named if node in decided.refused), kind)
            one = MixtureCandidate(one.nodes, one.named, one.ops, {**one.refusals, format: reason})
        yield one


def _kernels(fused: Module) -> Iterator[FusedKernel]:
    """The kernels of FUSED with a contraction, those inside control flow included."""
    for op in fused.main.walk():
        if isinstance(op, FusedKernel) and any(has(inner, Trait.CONTRACTION) for inner in op.body.block):
            yield op


def _contractions(kernel: FusedKernel) -> list[Operation]:
    return [op for op in kernel.body.block if has(op, Trait.CONTRACTION)]


def _named(kernel: FusedKernel) -> list[str]:
    return list(dict.fromkeys(node for op in _contractions(kernel) for node in op.location.nodes))


def _candidate(kernels: Sequence[FusedKernel], policy: PrecisionPolicy) -> MixtureCandidate:
    inner = [op for kernel in kernels for op in kernel.body.block if op.next is not None]
    computing = [op for op in inner if not has(op, Trait.CONSTANT)]
    contractions = [op for op in computing if has(op, Trait.CONTRACTION)]
    others = [op for op in computing if not has(op, Trait.CONTRACTION)]
    named = dict.fromkeys(node for op in contractions for node in op.location.nodes)
    reason = None if named else "it has no ONNX node that an override could name"
    decided = next((each for each in map(policy.override_of, contractions) if each is not None), None)
    if decided is not None:
        reason = f"the override {decided} decides its format"
    return MixtureCandidate(
        tuple(dict.fromkeys(node for op in computing for node in op.location.nodes)),
        tuple(named),
        tuple(op.name.rpartition(".")[2] for op in (*contractions, *others)),
        {} if reason is None else dict.fromkeys(EIGHT_BITS, reason),
    )
