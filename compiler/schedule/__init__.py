"""Scheduling, precision → launch: launches and their buffers, groups of small launches, streams."""
