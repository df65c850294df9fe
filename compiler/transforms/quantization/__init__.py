"""What holds for quantised tensors at the graph level."""
