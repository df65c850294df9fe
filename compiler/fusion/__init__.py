"""Fusion, from the graph level to kernels: siblings (horizontal), producers and consumers (vertical)."""
