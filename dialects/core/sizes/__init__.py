"""Constraints between sizes that ops need: proved, solved for a symbol, kept as a constraint, or refused."""
