"""What differs between two plans: structure, decisions, formats, memory, kernels, sizes, time and numbers."""
