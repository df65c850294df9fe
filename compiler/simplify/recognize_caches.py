"""Patterns that recognize writes into caches of a fixed size in the scatters that exporters emit."""

from __future__ import annotations

import numpy as np

from ...dialects.core.ir import Value
from ...dialects.graph.binary import Add, Less
from ...dialects.graph.constants import constant
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.scatter import ScatterNd
from ...dialects.graph.sequences import WriteCache
from ..patterns.matching import produced_by
from ..patterns.rewrite import Rewriter, pattern


@pattern("cache-write", Transpose)
def cache_write(op: Transpose, rewriter: Rewriter) -> bool:
    """transpose(scatter_nd(transpose(x), i, u)) => write_cache(x, reshape(u), i), where the transposes bring
    an axis to the front and back, and there is one index: `index_copy` of one position"""
    scatter = produced_by(op.x, ScatterNd)
    moved = None if scatter is None else produced_by(scatter.x, Transpose)
    if scatter is None or moved is None or scatter.reduction != "none" or scatter.depth != 1:
        return False
    axis, *others = moved.perm
    back = [moved.perm[place] for place in op.perm] == list(range(len(op.perm)))
    if not back or others != sorted(others) or axis == 0 or scatter.indices.type.elements != 1:
        return False
    cache = moved.x
    sizes = tuple(1 if place == axis else size for place, size in enumerate(cache.type.shape))
    starts = _starts(scatter.indices, cache, axis, rewriter)
    if starts is None:
        return False
    update = rewriter.insert(Reshape(scatter.updates, shape=sizes)).result
    written = rewriter.insert(WriteCache(cache, update, starts, axis=axis)).result
    rewriter.replace(op, written, absorbed=[scatter])
    return True


def _starts(index: Value, cache: Value, axis: int, rewriter: Rewriter) -> Value | None:
    """INDEX for each entry of the batch of CACHE, counted from the start of AXIS; None where the size of that
    is not known."""
    size = cache.type.shape[axis]
    if not isinstance(size, int):
        return None
    flat = rewriter.insert(Reshape(index, shape=(1,))).result
    dtype = flat.type.dtype.numpy
    zero, last = (rewriter.insert(constant(rewriter.module, np.array(n, dtype))).result for n in (0, size))
    behind = rewriter.insert(Less(flat, zero)).result
    counted = rewriter.insert(Where(behind, rewriter.insert(Add(flat, last)).result, flat)).result
    return rewriter.insert(Expand(counted, shape=(cache.type.shape[0],))).result


PATTERNS = (cache_write,)
