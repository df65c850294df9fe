"""Contractions (matmul, convolution) as implicit GEMMs: problem, cost, product, staging, epilogue."""
