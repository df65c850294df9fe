"""Batches without padding: tokens of all sequences behind one another."""
