"""From CUDA C to cubins: NVRTC, here or in a process that can be killed, its cost and its cache."""
