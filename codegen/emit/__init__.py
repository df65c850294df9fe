"""Emits C statements from scalar expressions of the IR: loads, lanes, loops, reductions, epilogues."""
