"""Proofs about the memory of a launch module: bounds, aliasing, order, contents."""
