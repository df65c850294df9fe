"""Constraints between sizes that ops require: proved, solved for a symbol, kept as a constraint, or
refused."""
