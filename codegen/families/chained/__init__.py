"""Chained contractions: results of one are multiplied again before they leave the multiprocessor (sm_90a)."""
