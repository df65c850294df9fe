"""Writes a plan as C++ and CUDA that runs without GlassRT: kernels, data and a driver."""
