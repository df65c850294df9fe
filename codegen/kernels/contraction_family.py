"""Designed contraction kernels as families: the problem from the region, the epilogue from its other ops."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import ModuleType

from ...dialects.core.affine import Dim, symbol
from ...dialects.core.dtypes import TF32
from ...dialects.core.ir import Operation, Value
from ...dialects.core.traits import Trait, has
from ..epilogue import emit_epilogue, emit_prologue
from ..lanes import Lanes
from ..literals import c_type
from ..render import Code, Identifier
from ..spaces import Space, make_space
from . import contraction_mma, contraction_simt, depthwise
from .contraction_mma import MmaConfig
from .contraction_simt import SimtConfig
from .contraction_spec import Binding
from .depthwise import DepthwiseConfig
from .describe import title
from .family import Candidate, Config, KernelCode, Request
from .geometry import Problem, divisor, power_of_two_in, problem_of
from .signature import Signature, make_signature

MOST_CANDIDATES = 16
WIDEST_STORE = 16  # bytes
MOST_LANES = 8
Index = tuple[Dim, ...]


@dataclass(frozen=True)
class Contraction:
    """The contraction that leads a region, as a problem for kernels.

    `streamed` is the buffer its first operand is read from: the operand itself, or what a prologue
    computes it from, element by element.
    """

    root: Operation
    problem: Problem
    streamed: Value

    @property
    def has_prologue(self) -> bool:
        return self.streamed is not self.root.inputs[0]


def find_contraction(request: Request) -> Contraction | None:
    """The region's only contraction, if a kernel can read its operands as they lie in memory."""
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    if len(roots) != 1 or len(roots[0].inputs) != 2:
        return None
    root = roots[0]
    a, b = root.inputs
    streamed = prologue_source(root)
    if streamed is None or b.producer is not None:
        return None
    sizes = {name: (low, request.optimum[name], high) for name, (low, high) in request.ranges.items()}
    weight = request.region.arguments.index(b) in request.weights
    buffer = streamed.type if streamed is not a else None
    problem = problem_of(root, sizes, b_is_weight=weight, streamed=buffer)
    return None if problem is None else Contraction(root, problem, streamed)


def prologue_source(root: Operation) -> Value | None:
    """The buffer that ROOT's first operand is made of, element by element; None when it is not so.

    Everything else a prologue reads must vary along the summed axis alone: one value per channel.
    """
    operand = root.inputs[0]
    if operand.producer is None:
        return operand
    axis = summed_axis(root)
    found: Value | None = None
    pending, seen = [operand], {operand}
    while pending:
        value = pending.pop()
        producer = value.producer
        if producer is not None:
            if not has(producer, Trait.ELEMENTWISE) and not has(producer, Trait.CONSTANT):
                return None
            pending += [other for other in producer.inputs if other not in seen]
            seen.update(producer.inputs)
        elif value.type.shape == operand.type.shape and found is None:
            found = value
        elif not _varies_along(value.type.shape, operand.type.rank, axis):
            return None
    return found if found is not None and found.type.dtype == operand.type.dtype else None


def summed_axis(root: Operation) -> int:
    """The axis of the first operand that is summed over: channels, or the inner dimension."""
    rank = root.inputs[0].type.rank
    if root.name == "graph.conv":
        return 1
    return rank - 2 if root.attributes["transpose_a"] else rank - 1


def _varies_along(shape: Index, rank: int, axis: int) -> bool:
    """True when SHAPE, broadcast to RANK dimensions, has a size other than 1 on AXIS at most."""
    return all(size == 1 or position == axis for position, size in enumerate(shape, rank - len(shape)))


def spaces_of(contraction: Contraction, depthwise_channels: bool) -> tuple[Index, tuple[Space, ...]]:
    """The result's logical index in terms of the kernel's `m`, `n` and `batch`, and those as spaces."""
    problem, shape = contraction.problem, contraction.root.result.type.shape
    rows = make_space("m", "i", [(axis, shape[axis]) for axis in problem.row_axes])
    index: dict[int, Dim] = rows.index(problem.row_axes)
    column = problem.column_axis
    if problem.op == "conv":
        size = shape[column] if depthwise_channels else problem.n
        columns = make_space("n", "i", [(column, size)])
        own = columns.index([column])[column]
        grouped = bool(problem.batch) and not depthwise_channels
        index[column] = own + symbol("_batch") * problem.n if grouped else own
        spaces: tuple[Space, ...] = (rows, columns)
    else:
        columns = make_space("n", "i", [(column, problem.n)])
        batches = make_space("batch", "i", [(axis, shape[axis]) for axis in problem.batch_axes])
        index |= columns.index([column]) | batches.index(problem.batch_axes)
        spaces = (batches, rows, columns)
    return tuple(index[axis] for axis in range(len(shape))), spaces


def widest_vector(request: Request, columns: Dim) -> int:
    """Result columns that one thread may finish at a time: one wide store of the first output."""
    most = WIDEST_STORE // request.writes[0].dtype.bytes
    return power_of_two_in(divisor(columns), min(most, MOST_LANES))


def bind(
    request: Request,
    contraction: Contraction,
    vector: int,
    signature: Signature,
    depthwise_channels: bool = False,
) -> Binding:
    """Names, parameters and the emitted epilogue for a template."""
    index, spaces = spaces_of(contraction, depthwise_channels)
    lines = emit_epilogue(
        request,
        signature,
        contraction.root,
        contraction.problem.accumulate,
        index,
        spaces,
        Lanes(spaces[-1].axes[0].symbol, vector),
        names={"_batch": "batch"},
    )
    buffers = signature.buffers(request)
    a, b = buffers[contraction.streamed], buffers[contraction.root.inputs[1]]
    return Binding(
        name=Identifier(request.name),
        title=title(request),
        parameters=signature.parameters,
        a=Identifier(a),
        b=Identifier(b),
        symbols=tuple(sorted(signature.symbols.items())),
        epilogue=Code("\n".join(lines)),
        vector=vector,
        index_type=signature.index_type,
        prologue=prologue_code(request, contraction, signature),
    )


def prologue_code(request: Request, contraction: Contraction, signature: Signature) -> Code | None:
    """Statements that map `value`, some neighbouring elements of the first operand, in place."""
    if not contraction.has_prologue:
        return None
    root, problem = contraction.root, contraction.problem
    operand = root.inputs[0]
    channel = symbol("_channel")
    grouped = problem.op == "conv" and bool(problem.batch)
    place = channel + symbol("_batch") * problem.channels if grouped else channel
    # Everything but the streamed element varies along the summed axis alone.
    index = tuple(place if axis == summed_axis(root) else 0 for axis in range(operand.type.rank))
    lines = emit_prologue(
        request,
        signature,
        contraction.streamed,
        operand,
        index,
        Lanes("_channel", problem.a_vector),
        names={"_channel": "channel", "_batch": "batch"},
    )
    return Code("\n".join(lines))


@dataclass(frozen=True)
class ProductFamily:
    """Matrix products and convolutions in tiles; the configuration is the module's own, as a table."""

    name: str
    module: ModuleType
    config_type: type[MmaConfig] | type[SimtConfig]
    least_sm: int

    def propose(self, request: Request) -> list[Candidate]:
        contraction = find_contraction(request)
        if contraction is None or request.target.sm < self.least_sm:
            return []
        problem = contraction.problem
        if self.module.unsupported(problem) is not None or not self._allowed(contraction):
            return []
        found = self.module.candidates(problem, request.target, MOST_CANDIDATES)
        return [
            Candidate(self.name, asdict(config), self.module.cost(problem, config, request.target))
            for config in found
        ]

    def _allowed(self, contraction: Contraction) -> bool:
        """Tensor cores round f32 operands to tf32, which the contraction must say."""
        asked = contraction.root.attributes["multiply"] == TF32
        return self.module is not contraction_mma or contraction.problem.a.bits < 32 or asked

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction = find_contraction(request)
        if contraction is None:
            raise ValueError("no contraction that this family can do")
        problem = contraction.problem
        made = self.config_type(**{key: int(value) for key, value in config.items()})
        scratch: tuple[tuple[str, str], ...] = ()
        if made.splits > 1:
            scratch = ((c_type(problem.accumulate), "workspace"), ("u32", "counters"))
        signature = make_signature(request, scratch)
        binding = bind(request, contraction, widest_vector(request, problem.n), signature)
        spec = self.module.specialize(problem, made, binding, request.target)
        return KernelCode(self.module.TEMPLATE, spec, self.module.launch(problem, spec))


@dataclass(frozen=True)
class DepthwiseFamily:
    """Depthwise convolutions, memory-bound, vectorised over channels."""

    name: str = "depthwise"

    def propose(self, request: Request) -> list[Candidate]:
        contraction = find_contraction(request)
        if contraction is None or contraction.has_prologue:
            return []
        if depthwise.unsupported(contraction.problem) is not None:
            return []
        problem, bytes_ = contraction.problem, request.writes[0].dtype.bytes
        found = depthwise.candidates(problem, request.target, bytes_, MOST_CANDIDATES)
        return [
            Candidate(self.name, asdict(config), depthwise.cost(problem, config, request.target))
            for config in found
            if depthwise.illegal(problem, config, request.target) is None
        ]

    def realize(self, request: Request, config: Config) -> KernelCode:
        contraction = find_contraction(request)
        if contraction is None:
            raise ValueError("no depthwise convolution")
        made = DepthwiseConfig(**{key: int(value) for key, value in config.items()})
        signature = make_signature(request)
        binding = bind(request, contraction, made.vector, signature, depthwise_channels=True)
        spec = depthwise.specialize(contraction.problem, made, binding, request.target)
        geometry = depthwise.launch(contraction.problem, made)
        return KernelCode(depthwise.TEMPLATE, spec, geometry)


MMA = ProductFamily("contraction_mma", contraction_mma, MmaConfig, least_sm=80)
SIMT = ProductFamily("contraction_simt", contraction_simt, SimtConfig, least_sm=0)
DEPTHWISE = DepthwiseFamily()
