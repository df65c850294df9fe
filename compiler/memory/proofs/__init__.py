"""Proofs about a launch module: bounds, overlaps, order, contents."""
