"""The plan of one candidate alone: a launch module with the kernel, and beside it one that empties the L2
cache.

The kernel has memory of its own for every operand. Weights stay weights, since kernels may read these early;
they hold zeros here, and are replaced by random inputs where the program is run (`rotation.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....codegen.interface import (
    ArchSpec,
    BuildOptions,
    Candidate,
    Request,
    assemble,
    candidates,
    code_in_model_symbols,
    executed,
    families,
    kernel_name,
    make_request,
    realize,
)
from ....dialects.core.affine import symbol
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.builtin import Return
from ....dialects.core.clone import clone_block
from ....dialects.core.dtypes import F32, I8
from ....dialects.core.ir import Block, Region, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.types import TensorType
from ....dialects.graph.constants import constant
from ....dialects.launch import Kernel
from ....dialects.launch_memory import Buffer, View, span
from ....runtime.plan import LEVELS, Plan
from ...memory.launch_accesses import root_of
from ...memory.placement import place_buffers
from ...schedule.move_regions import filling
from .jobs import TuningJob

MEASURED, EVICTING = 0, 1  # the launches of a trial by number


@dataclass(frozen=True)
class TrialPlans:
    """Makes the plans of candidates for kernels of MODULE on `target`.

    evict_bytes: what the launch that empties the cache writes; options: how plans are assembled.
    """

    module: Module
    target: ArchSpec
    evict_bytes: int
    options: BuildOptions

    def plan(self, job: TuningJob, candidate: Candidate) -> Plan:
        """The plan of CANDIDATE for JOB. Raises CompileError where it does not compile, or spills
        registers."""
        return assemble(self.trial(job, candidate), dict.fromkeys(LEVELS, ""), [], self.options)

    def trial(self, job: TuningJob, candidate: Candidate) -> Module:
        """The launch module: inputs that give every symbol its size, then one for each that the kernel
        reads."""
        old = self.module
        module = Module(
            "trial", symbols=dict(old.symbols), derived=dict(old.derived), resources=old.resources.copy()
        )
        function = module.add(Function("main"))
        for name in old.symbols:
            if name not in old.derived:
                function.inputs.append(f"size_{name}")
                function.block.add_argument(TensorType((symbol(name),), I8))
        reads = [_read(function, index, value, job.request) for index, value in enumerate(job.op.reads)]
        writes = [_written(function, value.type) for value in job.op.writes]
        self._launch(function, clone_block(job.op.body.block), reads, writes, candidate, job.op.pdl)
        outputs = [root_of(value)[0] for value in writes]
        if self.evict_bytes:
            outputs.append(self._evict(function))
        function.outputs = [f"y{index}" for index in range(len(outputs))]
        function.block.append(Return(*outputs))
        place_buffers(module)
        return module

    def _launch(
        self,
        function: Function,
        region: Block,
        reads: Sequence[Value],
        writes: Sequence[Value],
        candidate: Candidate | None = None,
        pdl: bool = True,
    ) -> None:
        """Append the launch of REGION by CANDIDATE, or by what the cost model chooses."""
        module = _module(function)
        request = make_request(module, region, reads, writes, self.target, "kernel")
        chosen = candidate or candidates(request)[0]
        name = kernel_name(request, chosen.family, chosen.config)
        code = realize(replace(request, name=name), chosen.family, chosen.config)
        code = code_in_model_symbols(module, code)
        scratch = [_buffer(function, own.type, own.space) for own in code.scratch]
        geometry = code.geometry
        kernel = Kernel(
            *reads, *writes, *scratch,
            kernel=name, outputs=len(writes), scratch=len(scratch),
            family=chosen.family, config=chosen.config,
            grid=geometry.grid, block=geometry.block, cluster=geometry.cluster,
            cooperative=geometry.cooperative, maps=code.maps, shared=geometry.shared, pdl=pdl,
            executed=executed(region, families()[chosen.family].rounds_operands),
            regions=[Region(region)],
        )  # fmt: skip
        function.block.append(kernel)

    def _evict(self, function: Function) -> Value:
        type = TensorType((self.evict_bytes // F32.bytes,), F32)
        target = _buffer(function, type, "output")
        region = filling(constant(_module(function), np.zeros((), F32.numpy)), type)
        self._launch(function, region, (), [target])
        return target


def _read(function: Function, index: int, value: Value, request: Request) -> Value:
    """Memory for input INDEX of the kernel, with the type of VALUE; that of a weight is not the input
    itself."""
    flat = TensorType((span(value.type),), value.type.dtype)
    function.inputs.append(f"x{index}")
    memory = function.block.add_argument(flat)
    if index in request.weights:
        shape = tuple(evaluate(dim, {}) for dim in flat.shape)
        name = _module(function).resources.add(np.zeros(shape, flat.dtype.numpy))
        buffer = Buffer(weight=name, space="weights", bytes=flat.bytes, types=[flat])
        memory = function.block.append(buffer).result
    return function.block.append(View(memory, types=[value.type])).result


def _written(function: Function, type: TensorType) -> Value:
    memory = _buffer(function, TensorType((span(type),), type.dtype), "output")
    return function.block.append(View(memory, types=[type])).result


def _module(function: Function) -> Module:
    assert function.module is not None  # it was added to one
    return function.module


def _buffer(function: Function, type: TensorType, space: str) -> Value:
    return function.block.append(Buffer(space=space, bytes=type.bytes, types=[type])).result
