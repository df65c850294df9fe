"""What may run in eight bits: the kernels of the fused graph that multiply, named by their ONNX nodes."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...dialects.core.ir import Module, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.fused import FusedKernel
from ..passes.eight_bits import EightBitProducts
from ..settings.policy import EIGHT_BITS, Override, PrecisionPolicy, format_named


@dataclass(frozen=True)
class MixtureCandidate:
    """A fused kernel with a contraction, or several that share an ONNX node.

    nodes: the ONNX nodes it stands for, in order; named: those of its contractions, which overrides
    name; ops: its ops; refusals: by format, why it cannot run in it.
    """

    nodes: tuple[str, ...]
    named: tuple[str, ...]
    ops: tuple[str, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)

    def overrides(self, format: str) -> list[Override]:
        """Those that put it into FORMAT."""
        return [Override("node", glob.escape(node), format_named(format)) for node in self.named]

    def offers(self, format: str) -> bool:
        """Whether it can run in FORMAT."""
        return format not in self.refusals


def with_formats(
    base: PrecisionPolicy, candidates: Sequence[MixtureCandidate], formats: Sequence[str | None]
) -> PrecisionPolicy:
    """BASE with each of CANDIDATES in its own of FORMATS, None being that of BASE.

    What BASE itself overrides stays: its overrides come last.
    """
    pairs = zip(candidates, formats, strict=True)
    mixed = [override for one, form in pairs if form is not None for override in one.overrides(form)]
    return PrecisionPolicy(base.default, (*mixed, *base.overrides), base.io, base.allow_fallback)


def contraction_kernels(fused: Module, policy: PrecisionPolicy) -> list[MixtureCandidate]:
    """The candidates of a module of the fused level, in program order.

    Kernels whose contractions stem from the same ONNX node are one: no override tells them apart.
    """
    kernels = list(_kernels(fused))
    heads = list(range(len(kernels)))  # of each kernel, one before it that it is one with
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
    """The first of those that NUMBER is one with; paths are shortened on the way."""
    while heads[number] != number:
        heads[number] = heads[heads[number]]
        number = heads[number]
    return number


def with_refusals(
    candidates: Iterable[MixtureCandidate], format: str, decided: EightBitProducts
) -> Iterator[MixtureCandidate]:
    """CANDIDATES with the reasons against FORMAT of a build that asked all for it and DECIDED so."""
    for one in candidates:
        if one.refusals.get(format) is None and not decided.chosen.intersection(one.named):
            kind = f"no kernel multiplies {' or '.join(one.ops[:1])} in {format}"
            reason = next((decided.refused[node] for node in one.named if node in decided.refused), kind)
            one = MixtureCandidate(one.nodes, one.named, one.ops, {**one.refusals, format: reason})
        yield one


def _kernels(fused: Module) -> Iterator[FusedKernel]:
    """Those that hold a contraction."""
    for op in fused.main.block:
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
    reason = None if named else "it has no node that an override could name"
    decided = next((each for each in map(policy.override_of, contractions) if each is not None), None)
    if decided is not None:
        reason = f"the override {decided} decides"
    return MixtureCandidate(
        tuple(dict.fromkeys(node for op in computing for node in op.location.nodes)),
        tuple(named),
        tuple(op.name.rpartition(".")[2] for op in (*contractions, *others)),
        {} if reason is None else dict.fromkeys(EIGHT_BITS, reason),
    )
