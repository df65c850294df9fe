"""Horizontal fusion: contractions that read the same input become one."""
