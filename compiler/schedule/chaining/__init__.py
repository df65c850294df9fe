"""Chaining: a contraction and one that reads its result become one launch where that takes less time."""
