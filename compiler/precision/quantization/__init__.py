"""Quantized tensors: where they are, at what scale, and the arithmetic on what is stored."""
