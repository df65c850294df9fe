"""All rows, in the order of the table."""

from __future__ import annotations

from .rows_casts import CASTS, QUANTIZATION, SMALL_CASTS
from .rows_floats import FUNCTIONS, NAN_AND_ZERO, ROUNDING
from .rows_indices import INDICES, RESIZES
from .rows_integers import INTEGERS
from .rows_layers import NORMS, POOLS
from .rows_reductions import NOTHING, REDUCTIONS

ROWS = (
    *NAN_AND_ZERO,
    *FUNCTIONS,
    *ROUNDING,
    *RESIZES,
    *CASTS,
    *SMALL_CASTS,
    *QUANTIZATION,
    *INTEGERS,
    *REDUCTIONS,
    *NOTHING,
    *NORMS,
    *POOLS,
    *INDICES,
)
