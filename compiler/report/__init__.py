"""Answers from a plan's ledger and its launch level: what became of nodes, and of pairs of them."""
