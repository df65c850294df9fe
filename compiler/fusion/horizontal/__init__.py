"""Horizontal fusion: contractions that read the same input become one, and concats are widened for them."""
