"""Kernels of custom ops with a CUDA body: the op's text, in the frame of a kernel.

The body becomes a function in a namespace of its own, so that it sees the names of the op's operands and
sizes, and none that the compiler made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.diagnostics import op_error
from ...dialects.core.types import ROW_MAJOR
from ...dialects.custom.cuda import CudaBody
from ...dialects.custom.op import CudaOp
from ...errors import IRError
from ..request.describe import title
from ..request.parameters import ScratchParameter
from ..request.request import Candidate, Config, Geometry, KernelCode, Request
from ..request.signature import Signature, make_signature
from ..text.affine_c import dim_to_c
from ..text.literals import c_type
from ..text.render import Code, Identifier, SpecError
from .kernel_family import KernelFamily, Rank

MOST_THREADS = 1024
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RESERVED = re.compile(r"[xys]\d+|scratch\d+|block|block_x|compute|glass|\w*_type|int|i64|const")


@dataclass(frozen=True)
class NamedConstant:
    """An integer that the compiler of a body knows."""

    name: Identifier
    value: int


@dataclass(frozen=True)
class NamedSize:
    """A size that a body is passed: a variable, so that kernels that differ in it share their code."""

    name: Identifier
    value: Code


@dataclass(frozen=True)
class NamedType:
    """The element type of the buffer `name`."""

    name: Identifier
    type: Identifier


@dataclass(frozen=True)
class CustomSpec:
    """The spec of a custom op's kernel for its template: the body, what it takes, and what is passed."""

    name: Identifier
    title: Code
    origin: Code
    parameters: Code
    threads: int
    resident: int
    constants: tuple[NamedConstant, ...]
    types: tuple[NamedType, ...]
    functions: tuple[Code, ...]
    takes: Code
    passes: Code
    index_type: Identifier
    sizes: tuple[NamedSize, ...]
    body: tuple[Code, ...]


@dataclass(frozen=True, kw_only=True)
class CustomFamily(KernelFamily):
    """The family of kernels whose bodies custom ops bring along. It fuses nothing.

    Configuration: `threads` per block, as the body states.
    """

    name: str = "custom"
    rank: Rank = Rank.GENERAL
    groupable: bool = True

    def candidates(self, request: Request) -> list[Candidate]:
        """One candidate for a region of one custom op, all of whose buffers are dense and row-major."""
        op = custom_op_of(request)
        if op is None:
            return []
        body = checked_body(op, request)
        return [Candidate(self.name, {"threads": body.threads}, _cost(op, request))]

    def realize(self, request: Request, config: Config) -> KernelCode:
        op = custom_op_of(request)
        if op is None:
            raise ValueError("not one custom op with dense buffers in row-major order")
        body = checked_body(op, request)
        if int(config["threads"]) != body.threads:
            raise ValueError(f"its body is for blocks of {body.threads} threads")
        scratch = [
            ScratchParameter(f"scratch{number}", each.dtype, each.count)
            for number, each in enumerate(body.scratch.values())
        ]
        signature = make_signature(request, scratch)
        geometry = Geometry((body.blocks, 1, 1), (body.threads, 1, 1), body.shared)
        spec = _spec(op, body, request, signature)
        return KernelCode("kernels/custom.cu.j2", spec, geometry, signature.typed, body.resident)


def custom_op_of(request: Request) -> CudaOp | None:
    """The custom op that REQUEST's region consists of; None for any other region or layout."""
    ops = request.ops
    if len(ops) != 1 or not isinstance(ops[0], CudaOp):
        return None
    op = ops[0]
    dense = all(type.layout.is_dense if op.any_order else type.layout == ROW_MAJOR for type in request.reads)
    return op if dense and all(type.layout == ROW_MAJOR for type in request.writes) else None


def checked_body(op: CudaOp, request: Request) -> CudaBody:
    """The body of OP for REQUEST. Raises IRError for one that cannot be launched."""
    return request.once("custom body", lambda: _checked(op, op.body()))


def _checked(op: CudaOp, body: CudaBody) -> CudaBody:
    names = [name for name, _ in op.buffers()]
    for name in (*names, *body.constants, *body.sizes, *body.scratch):
        if NAME.fullmatch(name) is None or RESERVED.fullmatch(name):
            hint = "names such as x0, y0, s0 and block are reserved"
            raise _fault(op, f"{name!r} cannot be a name in its CUDA body", hint)
    names += [*body.constants, *body.sizes, *body.scratch]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _fault(op, f"{twice!r} is used for two things in its CUDA body")
    if not 1 <= body.threads <= MOST_THREADS:
        message = f"a block of {body.threads} threads cannot be launched"
        raise _fault(op, message, f"1 to {MOST_THREADS} are possible")
    return body


def _fault(op: CudaOp, message: str, hint: str | None = None) -> IRError:
    return op_error(op, f"{op.onnx} in {Path(op.file).name}: {message}", hint)


def _cost(op: CudaOp, request: Request) -> float:
    """Expected microseconds: memory or arithmetic at the rate of its operands' type, and a launch."""
    target = request.target
    moved = sum(evaluate(type.bytes, request.optimum) for type in (*request.reads, *request.writes))
    rates = target.fitted.throughput
    rate = rates.mma if request.reads[0].dtype.bits <= 16 else rates.simt
    cycles = evaluate(op.flops(), request.optimum) / (rate * target.multiprocessors)
    busy = max(moved / target.bytes_per_second * 1e6, cycles / target.clock)
    return target.fitted.loop.launch + busy


def _spec(op: CudaOp, body: CudaBody, request: Request, signature: Signature) -> CustomSpec:
    takes, passes = _arguments(op, body, request, signature)
    return CustomSpec(
        name=Identifier(request.name),
        title=title(request),
        origin=Code(f"{op.onnx} in {re.sub(r'[^A-Za-z0-9_.-]', '_', Path(op.file).name)}"),
        parameters=signature.parameters,
        threads=body.threads,
        resident=body.resident,
        constants=tuple(NamedConstant(Identifier(n), value) for n, value in body.constants.items()),
        types=tuple(
            NamedType(Identifier(name), Identifier(c_type(value.type.dtype))) for name, value in op.buffers()
        ),
        functions=_lines(op, body.functions, "functions"),
        takes=Code(", ".join(takes)),
        passes=Code(", ".join(passes)),
        index_type=Identifier(signature.index_type),
        sizes=tuple(
            NamedSize(Identifier(name), Code(dim_to_c(dim, signature.symbols)))
            for name, dim in body.sizes.items()
        ),
        body=_lines(op, body.text, "text"),
    )


def _arguments(
    op: CudaOp, body: CudaBody, request: Request, signature: Signature
) -> tuple[Sequence[str], Sequence[str]]:
    """The parameters of the body's function, and what the kernel passes for each."""
    given: dict[object, str] = dict(zip(request.region.arguments, signature.inputs, strict=True))
    given |= zip(request.region.terminator.inputs, signature.outputs, strict=True)
    takes, passes = [], []
    for name, value in op.buffers():
        kind = "Output" if value.producer is op else "Input"
        takes.append(f"{kind}<{name}_type> {name}")
        passes.append(given[value])
    for number, (name, scratch) in enumerate(body.scratch.items()):
        takes.append(f"Output<{c_type(scratch.dtype)}> {name}")
        passes.append(f"scratch{number}")
    for name in body.sizes:
        takes.append(f"const {signature.index_type} {name}")
        passes.append(name)
    return takes, passes


def _lines(op: CudaOp, text: str, what: str) -> tuple[Code, ...]:
    """The lines of TEXT, the part WHAT of the body. Raises IRError for a line that is not allowed in a
    kernel."""
    found = []
    for number, line in enumerate(dedent(text).strip("\n").split("\n"), start=1):
        try:
            found.append(Code(line.rstrip()))
        except SpecError:
            message = f"line {number} of the {what} of its CUDA body is not allowed: {line.strip()[:80]!r}"
            hint = "no directives, quotes, comments in /* */ or assembly; GLASS_UNROLL unrolls a loop"
            raise _fault(op, message, hint) from None
    return tuple(found)
