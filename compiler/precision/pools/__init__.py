"""Pools of a convolution's accumulators: what lets maxima be taken first, and whether a kernel does."""
