"""Chooses the family, configuration and name of kernels; equal kernels are decided once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ...codegen.interface import (
    ArchSpec,
    Candidate,
    KernelCode,
    Request,
    candidates,
    code_in_model_symbols,
    families,
    kernel_name,
    make_request,
    realize,
    request_signature,
    tiers,
)
from ...dialects.core.clone import clone_block
from ...dialects.core.ir import Block, Value
from ...dialects.core.module import Module
from ...dialects.core.printer import canonical_text
from ...dialects.core.types import TensorType
from ...dialects.launch_memory import Buffer
from ..passes.spilled import Spilled
from ..settings.tactics import GoneTacticError, Tactic, Tactics

Choice = Callable[[Request], Candidate]
# Identifies a kernel: region, results, weights, and the rows of which it writes one.
_Key = tuple[str, tuple[TensorType, ...], frozenset[int], frozenset[int], tuple[int, int] | None]


def cheapest(request: Request) -> Candidate:
    """The candidate that the cost model expects to be fastest."""
    return candidates(request)[0]


@dataclass(frozen=True)
class Planned:
    """A kernel as it will be launched, its code with sizes in the symbols of the model.

    instead: descriptions of the better candidates that it replaces because they spill registers; tactic: the
    measured choice that it is by, None where the cost model chose.
    """

    name: str
    candidate: Candidate
    code: KernelCode
    instead: tuple[str, ...] = ()
    tactic: Tactic | None = None


class KernelChooser:
    """Chooses the kernels of MODULE for TARGET by TACTICS or else by CHOOSE, avoiding those in SPILLED;
    choices are cached."""

    def __init__(
        self,
        module: Module,
        target: ArchSpec,
        choose: Choice,
        spilled: Spilled | None = None,
        tactics: Tactics | None = None,
    ) -> None:
        self.target = target
        self._spilled = spilled or Spilled()
        self._tactics = tactics or {}
        self._module = module
        self._choose = choose
        self._planned: dict[tuple[_Key, bool], Planned] = {}
        self._cheapest: dict[_Key, Candidate] = {}

    def plan(
        self,
        region: Block,
        reads: Sequence[Value],
        writes: Sequence[Value],
        stacked: bool = False,
        turned: bool = False,
    ) -> Planned:
        """The kernel that computes REGION from the buffers READS into the buffers WRITES, or a row of them if
        it is STACKED. It is TURNED if its family can be.

        Raises UnsupportedError when no family can run it, and GoneTacticError for a tactic that none
        proposes.
        """
        request = make_request(self._module, region, reads, writes, self.target, "kernel", stacked)
        key = _key(request)
        if (key, turned) not in self._planned:
            planned = self._by_tactic(request) or self._fitting(request, self._chosen(key, request))
            self._planned[key, turned] = self._turned(request, planned) if turned else planned
        return self._planned[key, turned]

    def _turned(self, request: Request, planned: Planned) -> Planned:
        """PLANNED with its tiles from the last to the first, where its family can take them so."""
        own = planned.candidate
        if not families()[own.family].turns:
            return planned
        candidate = replace(own, config={**own.config, "turned": 1})
        name = kernel_name(request, candidate.family, candidate.config)
        made = self._as_planned(request, candidate, name, planned.instead)
        return replace(made, tactic=planned.tactic)

    def _chosen(self, key: _Key, request: Request) -> Candidate:
        return self._best(key, request) if self._choose is cheapest else self._choose(request)

    def _by_tactic(self, request: Request) -> Planned | None:
        """The kernel for REQUEST as its tactic says, or what replaces that because it spills; None without
        one."""
        signature = request_signature(request) if self._tactics else ""
        if signature not in self._tactics:
            return None
        tactic = self._tactics[signature]
        candidate = next((each for each in candidates(request) if tactic.is_of(each)), None)
        if candidate is None:
            raise GoneTacticError(signature, tactic)
        planned = self._fitting(request, candidate)
        return planned if planned.instead else replace(planned, tactic=tactic)

    def _fitting(self, request: Request, best: Candidate) -> Planned:
        """BEST or, if it is known to spill, the next designed candidate that is not; BEST without one."""
        instead: list[str] = []
        others = chain.from_iterable(tiers(request)) if self._spilled.kernels else ()
        for candidate in chain((best,), (each for each in others if families()[each.family].designed)):
            name = kernel_name(request, candidate.family, candidate.config)
            if name not in self._spilled.kernels:
                return self._as_planned(request, candidate, name, tuple(dict.fromkeys(instead)))
            config = ", ".join(f"{key} {value}" for key, value in candidate.config.items())
            instead.append(f"{candidate.family} of {config} {self._spilled.kernels[name]}")
        return self._as_planned(request, best, kernel_name(request, best.family, best.config), ())

    def _as_planned(
        self, request: Request, candidate: Candidate, name: str, instead: tuple[str, ...]
    ) -> Planned:
        code = realize(replace(request, name=name), candidate.family, candidate.config)
        code = code_in_model_symbols(self._module, code)
        return Planned(name, candidate, code, instead)

    def forecast(
        self,
        region: Block,
        reads: Sequence[TensorType],
        writes: Sequence[TensorType],
        weights: Sequence[bool],
    ) -> Candidate:
        """The best candidate for REGION with operands of the types READS and WRITES; WEIGHTS says which reads
        are weights. Raises UnsupportedError when there is none."""
        values = [_stand_in(t, "weights" if w else "arena") for t, w in zip(reads, weights, strict=True)]
        outputs = [_stand_in(type, "arena") for type in writes]
        block = lying_as(region, reads)
        request = make_request(self._module, block, values, outputs, self.target, "kernel")
        return self._best(_key(request), request)

    def _best(self, key: _Key, request: Request) -> Candidate:
        if key not in self._cheapest:
            self._cheapest[key] = cheapest(request)
        return self._cheapest[key]


def lying_as(region: Block, types: Sequence[TensorType]) -> Block:
    """A copy of REGION whose arguments have TYPES, which differ from its own in layout only."""
    block = clone_block(region)
    for argument, type in zip(block.arguments, types, strict=True):
        argument.type = type
    return block


def _key(request: Request) -> _Key:
    """What the choice depends on within a module; of its ranges only that of the row is its own."""
    return canonical_text(request.region), request.writes, request.weights, request.given, request.rows


def _stand_in(type: TensorType, space: str) -> Value:
    """A buffer of TYPE outside of any module, for a request about a kernel that does not exist yet."""
    return Buffer(space=space, bytes=type.bytes, types=[type]).result
