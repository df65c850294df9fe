"""Which tensors lie in parts of others: concats written in place, slices read where they are."""
