"""Implicit matrix products: problem, configurations and cost; product, staging and epilogue."""
