"""The table of all of ONNX Runtime's own ops: the tables of the families, merged."""

from __future__ import annotations

from . import (
    attention,
    blocks,
    channels,
    dynamic,
    fused,
    gelu,
    grouped,
    lstm,
    multi_head,
    normalization,
    quantized,
    rotary,
)
from .form import OwnOps

CONTRIBUTED_DOMAIN = "com.microsoft"

CONTRIBUTED: OwnOps = {
    **attention.TABLE,
    **blocks.TABLE,
    **channels.TABLE,
    **dynamic.TABLE,
    **fused.TABLE,
    **gelu.TABLE,
    **grouped.TABLE,
    **lstm.TABLE,
    **multi_head.TABLE,
    **normalization.TABLE,
    **quantized.TABLE,
    **rotary.TABLE,
}

# Ops in the domain ai.onnx that the standard does not define (at the imported opset), by name.
IN_STANDARD_DOMAIN: OwnOps = normalization.TABLE_OF_STANDARD
