"""Products of few rows: the weights stream from memory through registers into tensor cores, once."""
