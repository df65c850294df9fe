"""Random inputs for a kernel: numbers as networks have them, never zeros, and cheap to make in large
amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import DType
from ....dialects.launch_memory import span
from .jobs import TuningJob

Array = np.ndarray[Any, Any]
DRAWN = 1_048_573  # numbers that are drawn, and then repeated; a prime, so that rows do not repeat each other
INTEGER_DEVIATION = 32.0  # of eight-bit integers


def operand_bytes(job: TuningJob, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The bytes of each buffer that the kernel of JOB reads, then of each that it writes."""
    values = (*job.op.reads, *job.op.writes)
    return tuple(evaluate(span(value.type) * value.type.dtype.bytes, sizes) for value in values)


def random_inputs(job: TuningJob, sizes: Sequence[int], seed: int = 0) -> list[Array]:
    """The bytes of each buffer that the kernel of JOB reads, of SIZES bytes each (several copies, if larger).

    Floats are normal; weights of K products are divided by sqrt(K), so that results are of the order of 1.
    """
    rng = np.random.default_rng(seed)
    depth = max(float(depth_of(job)), 1.0)
    found = []
    for index, (value, size) in enumerate(zip(job.op.reads, sizes, strict=True)):
        scale = depth**-0.5 if index in job.request.weights else 1.0
        found.append(random_bytes(value.type.dtype, size, scale, rng))
    return found


def depth_of(job: TuningJob) -> float:
    """How many products each result of the kernel sums, by its FLOPs."""
    sizes = dict(job.request.optimum)
    results = sum(evaluate(type.elements, sizes) for type in job.request.writes)
    flops = sum(evaluate(op.flops(), sizes) for op in job.request.ops)
    return flops / (2 * results) if results else 0.0


def random_bytes(dtype: DType, size: int, scale: float, rng: np.random.Generator) -> Array:
    """SIZE bytes of numbers of DTYPE with the deviation SCALE; integers and booleans have one of their
    own."""
    count = min(-(-size // dtype.bytes), DRAWN)
    if dtype.name == "bool":
        drawn = rng.integers(0, 2, count).astype(np.bool_)
    elif dtype.is_float:
        normal = scale * rng.standard_normal(count)
        signed = normal if dtype.limits[0] < 0 else np.abs(normal)
        drawn = signed.astype(np.float32).astype(dtype.numpy)
    else:
        drawn = _integers(dtype, count, rng)
    return np.resize(drawn.view(np.uint8), size)


def _integers(dtype: DType, count: int, rng: np.random.Generator) -> Array:
    low, high = dtype.limits
    middle = (low + high + 1) // 2
    spread = min(INTEGER_DEVIATION, (high - low) / 4)
    drawn: Array = np.clip(np.round(middle + spread * rng.standard_normal(count)), low, high)
    return drawn.astype(dtype.numpy)
