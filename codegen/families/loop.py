"""Loop kernels: each thread computes a few adjacent elements of the results.

They run any region whose results have one shape and are scalar expressions: elementwise chains, movement,
gathers, pooling and other small windows, conversions of layout and type.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.types import TensorType
from ..emit.emitter import Emitter
from ..emit.inline import RegionExpressions
from ..emit.lanes import Lanes
from ..emit.sections import Section
from ..emit.spaces import Space, make_space
from ..emit.stores import store
from ..request.describe import title
from ..request.request import ROW, Candidate, Config, Geometry, KernelCode, Request
from ..request.signature import Signature, make_signature
from ..text.affine_c import dim_to_c
from ..text.render import Code, Identifier
from .kernel_family import KernelFamily, Rank
from .write_in_place import in_place, may_write_in_place, moved, placed, traversed

THREADS = 256
WIDEST = 16  # bytes of a vectorized access


@dataclass(frozen=True)
class LoopSpec:
    """The spec of a loop kernel for its template: `count` elements, `lanes` per thread, the emitted body."""

    name: Identifier
    title: Code
    parameters: Code
    threads: int
    lanes: int
    index_type: Identifier
    count: Code
    body: tuple[Code, ...]


@dataclass(frozen=True, kw_only=True)
class LoopFamily(KernelFamily):
    """The family of loop kernels, which run regions of scalar expressions.

    Configuration: `lanes`, adjacent elements per thread; `threads` per block.
    """

    name: str = "loop"
    rank: Rank = Rank.GENERAL
    groupable: bool = True
    stacks: bool = True

    def candidates(self, request: Request) -> list[Candidate]:
        shapes = {(type.shape, type.order) for type in request.writes}
        if (
            not request.is_scalar
            or not may_write_in_place(request)
            or len(shapes) != 1
            or any(not type.layout.is_dense for type in request.writes[1:])
        ):
            return []
        lanes = self._lanes(request)
        while lanes > 1 and not self._works(request, lanes):
            lanes //= 2
        return [Candidate(self.name, {"lanes": lanes, "threads": THREADS}, self._cost(request))]

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        """CONFIG with blocks of THREADS, and variants with more elements per thread."""
        lanes, widest = int(config["lanes"]), WIDEST // min(t.dtype.bytes for t in request.writes)
        inner, found = neighbours(traversed(request)), [lanes]
        while found[-1] < widest and isinstance(inner, int) and inner % (found[-1] * 2) == 0:
            found.append(found[-1] * 2)
        return [
            Candidate(self.name, {"lanes": count, "threads": threads}, self._cost(request))
            for count in found
            if self._works(request, count)
        ]

    def _lanes(self, request: Request) -> int:
        """The most lanes that divide the innermost dimension, fit a 16-byte access and still fill the GPU."""
        type = traversed(request)
        inner = neighbours(type)
        elements = evaluate(type.elements, request.optimum)
        lanes = WIDEST // min(t.dtype.bytes for t in request.writes)
        enough = 2 * THREADS * request.target.multiprocessors
        while lanes > 1 and (not isinstance(inner, int) or inner % lanes or elements // lanes < enough):
            lanes //= 2
        return lanes

    def _works(self, request: Request, lanes: int) -> bool:
        try:
            self.realize(request, {"lanes": lanes, "threads": THREADS})
        except ValueError:
            return False
        return True

    def _cost(self, request: Request) -> float:
        total = sum(evaluate(type.bytes, request.optimum) for type in moved(request))
        return request.target.fitted.loop.launch + total / request.target.bytes_per_second * 1e6

    def realize(self, request: Request, config: Config) -> KernelCode:
        lanes, threads = int(config["lanes"]), int(config["threads"])
        signature = request.once("signature", lambda: make_signature(request))
        body = request.once((self.name, lanes), lambda: loop_body(request, signature, lanes))
        count = traversed(request).elements
        spec = LoopSpec(
            name=Identifier(request.name),
            title=title(request),
            parameters=signature.parameters,
            threads=threads,
            lanes=lanes,
            index_type=Identifier(signature.index_type),
            count=Code(dim_to_c(count, signature.symbols)),
            body=body,
        )
        geometry = Geometry((ceildiv(count, lanes * threads), 1, 1), (threads, 1, 1))
        return KernelCode("kernels/loop.cu.j2", spec, geometry, signature.typed)


def element_space(type: TensorType) -> Space:
    """The elements of a tensor of TYPE, in the order of memory."""
    return make_space("element", "i", [(axis, type.shape[axis]) for axis in type.order])


def neighbours(type: TensorType) -> Dim:
    """How many elements of a tensor of TYPE lie side by side, at the least."""
    inner = element_space(type).innermost
    return 1 if inner is None else inner.size


def loop_body(request: Request, signature: Signature, lanes: int) -> tuple[Code, ...]:
    """The statements that compute and store the LANES elements of one thread."""
    type, write = traversed(request), in_place(request)
    space = element_space(type)
    by_axis = space.index(type.order)
    index = tuple(by_axis[axis] for axis in range(type.rank))
    expressions = RegionExpressions({**request.ranges, **space.ranges(request.ranges)})
    innermost = space.innermost.symbol if space.innermost else ""
    symbols = signature.symbols | ({ROW: "row"} if request.stacked else {})
    emitter = Emitter(signature.buffers(request), symbols, (space,), Lanes(innermost, lanes))
    section = Section(lanes)
    yielded = request.region.terminator.inputs if write is None else (write.update,)
    results = [expressions.element(value, index) for value in yielded]
    if write is not None:
        index = placed(write, index, expressions, emitter, section)
    for name, out, expr in zip(signature.outputs, request.writes, results, strict=True):
        store(emitter, name, out, index, expr, section)
    body = section.finished(lanes)
    kind, number = signature.index_type, signature.inputs[-1] if request.stacked else ""
    row = [f"const {kind} row = static_cast<{kind}>({number}[0]);"] if request.stacked else []
    return tuple(Code(line) for line in [*row, *space.decode(emitter.names, kind), *body])
