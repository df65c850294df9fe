"""Compiles CUDA C to cubins with NVRTC, in this process or in a child that can be killed; cost and cache."""
