"""Sums and means of rows of embedding tables: all tables of a model in one launch."""
