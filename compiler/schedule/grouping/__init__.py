"""Grouping: independent launches become one where that takes less time."""
