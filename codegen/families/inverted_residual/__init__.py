"""Inverted residuals: a contraction, a depthwise convolution of its results and a contraction of that one's,
as one kernel."""
