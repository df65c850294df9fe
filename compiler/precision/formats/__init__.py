"""In which formats kernels keep and compute their tensors: storage, layouts, casts."""
