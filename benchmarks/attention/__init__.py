"""Attention kernels on a GPU, beside PyTorch's."""
