"""Simplification at the graph level: canonicalization, folding, recognition, dead code, equal ops."""
