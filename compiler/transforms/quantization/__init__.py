"""From quantised tensors to arithmetic on them: which contractions multiply bytes, and at what scale."""
