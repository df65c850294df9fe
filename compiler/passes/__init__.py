"""Passes and their manager, and what they share: the context, the ledger, switches, origins, semantics."""
