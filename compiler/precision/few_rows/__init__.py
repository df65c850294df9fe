"""Kernels around products of few rows that become one with them: norms in front, gates behind."""
