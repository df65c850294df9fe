"""Quantized tensors: which tensors are quantized, with what scales, and arithmetic on the stored numbers."""
