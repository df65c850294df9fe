"""Which family runs a kernel, how and under what name; equal kernels are thought about once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...codegen.kernels.family import Candidate, Geometry, Request, Target
from ...codegen.kernels.parameters import Parameter
from ...codegen.kernels.registry import candidates, realize
from ...codegen.naming import kernel_name
from ...codegen.requests import code_in_model_symbols, make_request
from ...dialects.core.clone import clone_block
from ...dialects.core.ir import Block, Module, Value
from ...dialects.core.printer import canonical_text
from ...dialects.core.types import TensorType
from ...dialects.launch import Buffer

Choice = Callable[[Request], Candidate]
_Key = tuple[str, tuple[TensorType, ...], frozenset[int]]  # everything that tells one kernel from another


def cheapest(request: Request) -> Candidate:
    """The candidate that the cost model expects to be fastest."""
    return candidates(request)[0]


@dataclass(frozen=True)
class Planned:
    """A kernel as it will be launched, its sizes in the symbols of the model."""

    name: str
    candidate: Candidate
    geometry: Geometry
    parameters: tuple[Parameter, ...]


class KernelChooser:
    """Chooses kernels of MODULE for TARGET by CHOOSE and remembers what it chose."""

    def __init__(self, module: Module, target: Target, choose: Choice) -> None:
        self.target = target
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
            name = kernel_name(request, candidate.family, candidate.config)
            code = realize(replace(request, name=name), candidate.family, candidate.config)
            code = code_in_model_symbols(self._module, code)
            self._planned[key] = Planned(name, candidate, code.geometry, code.parameters)
        return self._planned[key]

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
