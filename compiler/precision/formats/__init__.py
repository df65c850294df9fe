"""The formats in which kernels store and compute their tensors: storage types, layouts, casts."""
