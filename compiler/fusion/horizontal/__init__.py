"""Contractions that read the same input become one; concatenations are widened."""
