"""The table of all importers of ai.onnx ops: the tables of the families, merged."""

from __future__ import annotations

from . import (
    ops_attention,
    ops_binary,
    ops_constant,
    ops_contraction,
    ops_control,
    ops_einsum,
    ops_elementwise,
    ops_integer,
    ops_movement,
    ops_ngrams,
    ops_normalization,
    ops_pad,
    ops_quantization,
    ops_recurrent,
    ops_reduction,
    ops_resize,
    ops_sampling,
    ops_scan,
    ops_scatter,
    ops_selection,
    ops_sequence,
    ops_shape,
    ops_slice,
    ops_sorting,
    ops_spectral,
    ops_suppression,
    ops_unique,
    ops_window,
)
from .table import Importer, Table

IMPORTERS: Table = {
    **ops_attention.TABLE,
    **ops_binary.TABLE,
    **ops_constant.TABLE,
    **ops_contraction.TABLE,
    **ops_control.TABLE,
    **ops_einsum.TABLE,
    **ops_elementwise.TABLE,
    **ops_integer.TABLE,
    **ops_movement.TABLE,
    **ops_pad.TABLE,
    **ops_slice.TABLE,
    **ops_ngrams.TABLE,
    **ops_normalization.TABLE,
    **ops_quantization.TABLE,
    **ops_recurrent.TABLE,
    **ops_reduction.TABLE,
    **ops_resize.TABLE,
    **ops_sampling.TABLE,
    **ops_scan.TABLE,
    **ops_scatter.TABLE,
    **ops_selection.TABLE,
    **ops_sequence.TABLE,
    **ops_shape.TABLE,
    **ops_sorting.TABLE,
    **ops_spectral.TABLE,
    **ops_suppression.TABLE,
    **ops_unique.TABLE,
    **ops_window.TABLE,
}


def find_importer(op_type: str, opset: int, since: int = 0) -> Importer | None:
    """The importer of OP_TYPE for OPSET, the latest that starts at SINCE or later; None if there is none."""
    fitting = [importer for start, importer in IMPORTERS.get(op_type, ()) if since <= start <= opset]
    return fitting[-1] if fitting else None
