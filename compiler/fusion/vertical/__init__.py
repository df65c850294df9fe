"""Vertical fusion of producers with consumers: clusters, the rules that grow them, and their records."""
