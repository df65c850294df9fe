"""Chained contractions: the results of one are multiplied again before they leave the multiprocessor (sm_90a)."""
