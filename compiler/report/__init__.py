"""Answers from a plan's ledger and its launch level: the fate of nodes and of pairs of them."""
