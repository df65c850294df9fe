"""From the graph level to kernels: siblings side by side (horizontal), chains (vertical)."""
