"""Kernel selection: the family and configuration of every kernel, and the members of a launch."""
