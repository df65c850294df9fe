"""Tuning: runs the best candidates of every kernel alone, and keeps which is the fastest."""
