"""Fusion, from the graph level to kernels: siblings (horizontal), producers and consumers (vertical);
and what prepares and follows it: attention in parts, wider concats."""
