"""Builds and runs modules of a single kernel, to compare emitted code with the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.families.executed import executed
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import UnfitError
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.driver.build import present_arch
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block, Operation, Region, Value
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import ROW_MAJOR, TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.precision import PrecisionKernel
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan

T = TypeVar("T")
Array = np.ndarray[Any, Any]
Append = Callable[[Operation], Value]
Body = Callable[..., Value | tuple[Value, ...]]


def kernel_module(
    body: Body,
    inputs: Sequence[TensorType],
    outputs: Sequence[TensorType] | None = None,
    symbols: Mapping[str, SymbolRange] | None = None,
) -> Module:
    """A precision-level module of one kernel; BODY gets `append` and the region's arguments."""
    module = Module("one", symbols=dict(symbols or {}))
    function = module.add(Function("main", [f"x{i}" for i in range(len(inputs))]))
    arguments = [
        _laid_out(function, function.block.add_argument(t.with_layout(ROW_MAJOR)), t) for t in inputs
    ]
    block = Block(inputs)
    made = body(lambda op: block.append(op).result, *block.arguments)
    values = made if isinstance(made, tuple) else (made,)
    if outputs is not None:
        for value, type in zip(values, outputs, strict=True):
            value.type = type
    block.append(Yield(*values))
    compute = executed(block, rounds_operands=True)
    kernel = PrecisionKernel(
        *arguments, root="loop", requested=compute, compute=compute, accumulate=F32, regions=[Region(block)]
    )
    function.block.append(kernel)
    function.block.append(Return(*kernel.results))
    function.outputs = [f"y{i}" for i in range(len(values))]
    verify(module, ALL_DIALECTS)
    return module


def _laid_out(function: Function, value: Value, type: TensorType) -> Value:
    """VALUE in the memory order of TYPE: a kernel that copies it when it lies in another one."""
    if value.type == type:
        return value
    block = Block([value.type])
    copy = block.append(Cast(block.arguments[0], to=type.dtype)).result
    copy.type = type
    block.append(Yield(copy))
    own = executed(block)
    kernel = PrecisionKernel(
        value, root="loop", requested=own, compute=own, accumulate=F32, regions=[Region(block)]
    )
    return function.block.append(kernel).result


def family_of(name: str) -> Callable[[Request], Candidate]:
    """A choice that takes the best candidate of one family; copies of operands may fall to another."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        found = families()[name].propose(request)
        assert found, f"the family {name} does not take this kernel"
        return found[0]

    return choose


def plan_of(
    module: Module, choose: Callable[[Request], Candidate] | None = None, targets: tuple[ArchSpec, ...] = ()
) -> Plan:
    """The plan of a one-kernel module."""
    target = REFERENCE
    launch = precision_to_launch(module, target, choose) if choose else precision_to_launch(module, target)
    verify(launch, ALL_DIALECTS)
    levels = {"graph": "", "fused": "", "precision": print_module(module), "launch": print_module(launch)}
    return assemble(launch, levels, [], BuildOptions(targets))


def compare(
    module: Module,
    inputs: Mapping[str, Array],
    choose: Callable[[Request], Candidate] | None = None,
    device: str = "host",
) -> list[tuple[Array, Array]]:
    """(kernel on DEVICE, interpreter) for every output."""
    target = present_arch() if device == "cuda" else None
    plan = plan_of(module, choose, (target,) if target else ())
    with Engine(plan, device) as engine:
        got = engine.run(inputs)
    want = interpret(module, inputs)
    return [(got[name], want[name]) for name in want]


def check_fitting(configs: Iterable[T], check: Callable[[T], None]) -> None:
    """CHECK all of CONFIGS that compile as meant, of which there must be one.

    Which ones spill is up to the compiler; a build passes by them, as this does.
    """
    unfit, fitting = [], 0
    for config in configs:
        try:
            check(config)
        except UnfitError as error:
            unfit.append(f"{config}: {error}")
        else:
            fitting += 1
    assert fitting, "no configuration compiles as meant: " + "; ".join(unfit)


def draw_inputs(
    module: Module, rng: np.random.Generator, symbols: Mapping[str, int] | None = None
) -> dict[str, Array]:
    """Fresh normal (or small integer) inputs for a module."""
    made = {}
    for name, value in zip(module.main.inputs, module.main.arguments, strict=True):
        shape = tuple(evaluate(dim, symbols or {}) for dim in value.type.shape)
        dtype = value.type.dtype
        if dtype.is_float:
            made[name] = rng.standard_normal(shape).astype(np.float32).astype(dtype.numpy)
        elif dtype.name == "bool":
            made[name] = rng.integers(0, 2, shape).astype(bool)
        else:
            low = 0 if dtype.kind == "unsigned" else -9
            made[name] = rng.integers(low, 10, shape).astype(dtype.numpy)
    return made
