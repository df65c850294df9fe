"""A kernel family that is nothing but this file: products of static matrices, an element a thread.

It adds up in f16, on purpose far more coarsely than the f32 that a contraction asks for, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassrt.codegen.families.kernel_family import Accumulation, ConfiguredFamily, Rank
from glassrt.codegen.families.loop import LoopSpec
from glassrt.codegen.request.describe import title
from glassrt.codegen.request.request import Candidate, Config, Geometry, KernelCode, Request
from glassrt.codegen.request.signature import make_signature
from glassrt.codegen.text.render import Code, Identifier
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.contraction import Matmul

BODY = """\
const int m = element / {n}, n = element % {n};
f32 total = 0.0f;
for (int k = 0; k < {k}; k++) {{
    const f32 next = total + load(x0, m * {a[0]} + k * {a[1]}) * load(x1, k * {b[0]} + n * {b[1]});
    total = convert<f32>(convert<f16>(next));
}}
store(y0, element, total);"""
F16_SUMS = Accumulation(coarse=frozenset({F32}), roundoff=2.0**-11)


@dataclass(frozen=True)
class ToyConfig:
    """Threads of a block; `variant` changes nothing."""

    threads: int = 128
    variant: int = 0


@dataclass(frozen=True, kw_only=True)
class ToyFamily(ConfiguredFamily[ToyConfig]):
    """Configuration: the fields of `ToyConfig`."""

    name: str = "toy"
    rank: Rank = Rank.SPECIAL_CASE
    groupable: bool = True
    accumulation: Accumulation = F16_SUMS
    config_type: Callable[..., ToyConfig] = ToyConfig

    def candidates(self, request: Request) -> list[Candidate]:
        if product_of(request) is None:
            return []
        configs = [ToyConfig(threads, variant) for variant in (0, 1) for threads in (128, 64)]
        return [self.candidate(config, 2.0 + config.variant) for config in configs]

    def realize(self, request: Request, config: Config) -> KernelCode:
        product, made = product_of(request), self.configured(config)
        if product is None:
            raise ValueError("not a product of static matrices")
        m, n = product.result.type.shape
        a, b = (value.type for value in product.inputs)
        signature = make_signature(request)
        body = BODY.format(n=n, k=a.shape[-1], a=a.strides, b=b.strides)
        assert isinstance(m, int) and isinstance(n, int)
        spec = LoopSpec(
            name=Identifier(request.name),
            title=title(request),
            parameters=signature.parameters,
            threads=made.threads,
            lanes=1,
            index_type=Identifier("int"),
            count=Code(str(m * n)),
            body=tuple(map(Code, body.splitlines())),
        )
        geometry = Geometry((-(-m * n // made.threads), 1, 1), (made.threads, 1, 1))
        return KernelCode("kernels/loop.cu.j2", spec, geometry, signature.typed)


def product_of(request: Request) -> Operation | None:
    """The only op of REQUEST, if it multiplies static matrices of f32, each of which is a whole buffer."""
    ops = request.ops
    if len(ops) != 1 or not isinstance(ops[0], Matmul) or ops[0].inputs != tuple(request.region.arguments):
        return None
    plain = not ops[0].transpose_a and not ops[0].transpose_b and request.writes[0].layout.is_dense
    return ops[0] if plain and all(map(_is_plain, (*request.reads, *request.writes))) else None


def _is_plain(type: TensorType) -> bool:
    static = all(isinstance(dim, int) for dim in type.shape)
    return type.dtype == F32 and type.rank == 2 and static and type.layout.offset == 0
