"""The candidates of the attention kernels for a shape, each with its source, compiled by NVRTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.registry import families
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel, unfit
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import Candidate, KernelCode, Request
from glassrt.codegen.text.render import render
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import DTYPES, F32
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.errors import CompileError

FAMILIES = ("attention_persistent", "attention_mma")


@dataclass(frozen=True)
class Shape:
    """Self-attention of packed queries, keys and values [batch, tokens, 3 * heads * features]; masked: keys
    have a mask of 16-bit floats that is added."""

    batch: int
    tokens: int
    heads: int
    features: int
    causal: bool = False
    masked: bool = False
    dtype: str = "f16"

    @property
    def name(self) -> str:
        """A short name."""
        kind = "causal" if self.causal else "masked" if self.masked else ""
        return f"{self.batch}x{self.tokens} {self.heads}x{self.features} {kind}".strip()

    @property
    def flops(self) -> float:
        """FLOPs of both products; of causal attention half of them."""
        full = 4.0 * self.batch * self.heads * self.tokens**2 * self.features
        return full / 2 if self.causal else full


@dataclass
class AttentionKernel:
    """One candidate of one shape; compiled if it can be."""

    shape: Shape
    candidate: Candidate
    name: str
    code: KernelCode
    compiled: CompiledKernel | None = None
    correct: bool = False
    microseconds: float = 0.0

    def compile(self) -> None:
        """Compile it; a fault is printed, and leaves it as it is, and so does what no build would take."""
        source = render(self.code.template, self.code.spec)
        try:
            made = compile_kernels({self.name: source}, REFERENCE.name, headers(), KernelCache())[self.name]
        except CompileError as error:
            print(f"REFUSED {self.shape.name} {self.candidate.config}: {error}", flush=True)
            return
        if unfit(made):
            print(f"UNFIT {self.shape.name} {self.candidate.config}: {unfit(made)}", flush=True)
        else:
            self.compiled = made


def request(shape: Shape, name: str) -> Request:
    """The kernel NAME of SHAPE, as families are asked for it."""
    dtype, b, s, h, d = DTYPES[shape.dtype], shape.batch, shape.tokens, shape.heads, shape.features
    mask = [TensorType((b, 1, 1, s), dtype)] if shape.masked else []
    block = Block([TensorType((b, s, 3 * h * d), dtype), *mask])

    def do(op: Operation) -> Value:
        return block.append(op).result

    def heads(place: int) -> Value:
        rows = do(Slice(block.arguments[0], starts=[0, 0, place * h * d], sizes=[b, s, h * d]))
        return do(Transpose(do(Reshape(rows, shape=[b, s, h, d])), perm=[0, 2, 1, 3]))

    masks: list[Any] = list(block.arguments[1:]) or [None]
    made = Attention(*map(heads, range(3)), *masks, scale=d**-0.5, causal=shape.causal, accumulate=F32)
    result = do(Cast(do(Transpose(do(made), perm=[0, 2, 1, 3])), to=dtype))
    block.append(Yield(result))
    return Request(block, (result.type,), {}, {}, REFERENCE, name)


def kernels(shape: Shape, most: int, names: Sequence[str] = FAMILIES) -> Iterator[AttentionKernel]:
    """The MOST best candidates of each of the families NAMES for SHAPE, by their expected times."""
    for family in names:
        for number, candidate in enumerate(families()[family].propose(request(shape, "k"))[:most]):
            name = f"{family}_{number}"
            code = families()[family].realize(request(shape, name), candidate.config)
            yield AttentionKernel(shape, candidate, name, code)
