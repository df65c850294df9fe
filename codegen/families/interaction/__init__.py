"""Dot products of features in pairs: lookups, products and their choice in one launch."""
