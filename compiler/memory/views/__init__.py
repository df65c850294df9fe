"""Views: tensors that are parts of other buffers. Concats are written in place, slices read in place."""
