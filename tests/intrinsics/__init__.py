"""Conformance of the intrinsics: the same kernels on the host device and on a GPU."""
