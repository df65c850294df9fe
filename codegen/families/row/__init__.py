"""Reductions along rows, shared by the threads of a row or by several blocks."""
