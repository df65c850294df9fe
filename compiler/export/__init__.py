"""Writes what the compiler decided into files of other formats."""
