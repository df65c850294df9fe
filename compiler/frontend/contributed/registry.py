"""All of ONNX Runtime's own ops: the tables of the families, merged."""

from __future__ import annotations

from . import channels, fused, gelu, lstm, normalization, quantized
from .form import OwnOps

CONTRIBUTED_DOMAIN = "com.microsoft"

CONTRIBUTED: OwnOps = {
    **channels.TABLE,
    **fused.TABLE,
    **gelu.TABLE,
    **lstm.TABLE,
    **normalization.TABLE,
    **quantized.TABLE,
}

# Those in ai.onnx, by name, where the standard does not define them (at the opset that is imported).
IN_STANDARD_DOMAIN: OwnOps = normalization.TABLE_OF_STANDARD
