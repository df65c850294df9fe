"""Parts of kernels of attention of few queries."""
