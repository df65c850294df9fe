"""Row kernels: reductions along rows, spread over the threads of a block or over several blocks."""
