"""Exports of the compiler's decisions to other formats."""
