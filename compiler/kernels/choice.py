"""Which family runs a kernel, how and under what name; equal kernels are thought about once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ...codegen.interface import (
    ArchSpec,
    Candidate,
    Geometry,
    Parameter,
    Request,
    candidates,
    code_in_model_symbols,
    families,
    kernel_name,
    make_request,
    realize,
    tiers,
)
from ...dialects.core.clone import clone_block
from ...dialects.core.ir import Block, Module, Value
from ...dialects.core.printer import canonical_text
from ...dialects.core.types import TensorType
from ...dialects.launch import Buffer
from ..passes.spilled import Spilled

Choice = Callable[[Request], Candidate]
_Key = tuple[str, tuple[TensorType, ...], frozenset[int]]  # everything that tells one kernel from another


def cheapest(request: Request) -> Candidate:
    """The candidate that the cost model expects to be fastest."""
    return candidates(request)[0]


@dataclass(frozen=True)
class Planned:
    """A kernel as it will be launched, its sizes in the symbols of the model; `instead` says of which others,
    that spill."""

    name: str
    candidate: Candidate
    geometry: Geometry
    parameters: tuple[Parameter, ...]
    instead: tuple[str, ...] = ()


class KernelChooser:
    """Chooses kernels of MODULE for TARGET by CHOOSE, none of SPILLED, and remembers what it chose."""

    def __init__(
        self, module: Module, target: ArchSpec, choose: Choice, spilled: Spilled | None = None
    ) -> None:
        self.target = target
        self._spilled = spilled or Spilled()
        self._module = module
        self._choose = choose
        self._planned: dict[_Key, Planned] = {}
        self._cheapest: dict[_Key, Candidate] = {}

    def plan(self, region: Block, reads: Sequence[Value], writes: Sequence[Value]) -> Planned:
        """Name, choice, geometry and parameters of the kernel that computes REGION from READS into WRITES."""
        request = make_request(self._module, region, reads, writes, self.target, "kernel")
        key = _key(request)
        if key not in self._planned:
            candidate = self._best(key, request) if self._choose is cheapest else self._choose(request)
            self._planned[key] = self._fitting(request, candidate)
        return self._planned[key]

    def _fitting(self, request: Request, best: Candidate) -> Planned:
        """BEST, or the first candidate of a designed family that is not known to spill; else BEST."""
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
        return Planned(name, candidate, code.geometry, code.parameters, instead)

    def forecast(
        self,
        region: Block,
        reads: Sequence[TensorType],
        writes: Sequence[TensorType],
        weights: Sequence[bool],
    ) -> Candidate:
        """The best candidate if the operands lay as READS and WRITES; UnsupportedError when there is none."""
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
    """A copy of REGION whose arguments lie in memory as TYPES say."""
    block = clone_block(region)
    for argument, type in zip(block.arguments, types, strict=True):
        argument.type = type
    return block


def _key(request: Request) -> _Key:
    return canonical_text(request.region), request.writes, request.weights


def _stand_in(type: TensorType, space: str) -> Value:
    """A buffer that is in no module, to ask about."""
    return Buffer(space=space, bytes=type.bytes, types=[type]).result
