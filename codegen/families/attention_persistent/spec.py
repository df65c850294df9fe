"""The spec of persistent attention for its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ...request.request import Geometry
from ...request.signature import Signature
from ...text.affine_c import factor_to_c
from ...text.render import Code, Template
from ..attention.problem import AttentionProblem
from ..attention.spec import AttentionProductSpec
from ..attention.weights import WeightsSpec, weights_spec
from ..contraction.problem import COPY_BYTES
from .config import MOST_SPARING, PersistentAttentionConfig, depth_step, lags, shared_bytes, width_of
from .operands import BulkMatrix, BulkMatrixSpec, bulk_matrix_spec
from .order import Order

TEMPLATE = Template("kernels/attention_persistent.cu.j2")
MOST_STORED = 8  # results of the widest vectorized store
BYTE_COLUMNS = 64  # that the four threads of a row exchange as bytes, 16 for each


@dataclass(frozen=True)
class PersistentAttentionSpec(AttentionProductSpec):
    """The products of persistent attention: see `PersistentAttentionConfig`.

    matrices: queries, keys and values as bulk copies bring them; batches: entries of the batch; order: of the
    tiles of queries of causal attention; may_idle: there may be fewer tiles of queries than blocks;
    stores_vectors: results are stored 16 bytes at a time; lags: exponents are relative to scores that lag
    behind the largest of their rows; stores_first: results are stored before the next scores are computed.
    """

    groups: int
    consumers: int
    stages: int
    query_stages: int
    resident: int
    producer_registers: int
    consumer_registers: int
    matrices: tuple[BulkMatrixSpec, ...]
    batches: Code
    order: Order
    may_idle: bool
    stores_vectors: bool
    lags: bool
    stores_first: bool
    weights: WeightsSpec


def product_spec(
    problem: AttentionProblem,
    matrices: Sequence[BulkMatrix],
    config: PersistentAttentionConfig,
    signature: Signature,
    order: Order,
) -> PersistentAttentionSpec:
    """The spec of PROBLEM, whose operands bulk copies bring as MATRICES, under CONFIG, in ORDER."""
    names = signature.symbols
    return PersistentAttentionSpec(
        template=TEMPLATE,
        threads=config.threads,
        block_s=config.block_s,
        block_t=config.keys,
        depth_step=depth_step(problem.depth),
        width_step=width_of(problem.width),
        most_stored=MOST_STORED,
        groups=config.groups,
        consumers=config.consumers,
        stages=config.stages,
        query_stages=config.query_stages,
        resident=config.resident,
        producer_registers=config.producer_registers,
        consumer_registers=config.consumer_registers,
        matrices=tuple(bulk_matrix_spec(matrix, names) for matrix in matrices),
        batches=Code(factor_to_c(problem.batches, names)),
        order=order,
        may_idle=not isinstance(items(problem, config), int),
        stores_vectors=_stores_vectors(problem),
        lags=lags(problem, config),
        stores_first=width_of(problem.width) > MOST_SPARING,
        weights=weights_spec(problem),
    )


def _stores_vectors(problem: AttentionProblem) -> bool:
    """Whether the threads of a row exchange results, so that each has 16 bytes of the row."""
    unit = problem.y.dtype.bytes
    whole = problem.y.vector * unit == COPY_BYTES
    return whole and (unit == problem.math.bytes or (unit == 1 and problem.width % BYTE_COLUMNS == 0))


def items(problem: AttentionProblem, config: PersistentAttentionConfig) -> Dim:
    """The tiles of queries of all batch entries."""
    return problem.batches * ceildiv(problem.queries, config.block_s)


def launch(problem: AttentionProblem, config: PersistentAttentionConfig, multiprocessors: int) -> Geometry:
    """As many blocks as MULTIPROCESSORS hold, or fewer if there are fewer tiles of queries."""
    count, most = items(problem, config), multiprocessors * config.resident
    blocks = min(count, most) if isinstance(count, int) else most
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), shared_bytes(problem, config))
