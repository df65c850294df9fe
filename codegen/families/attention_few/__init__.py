"""Attention of few queries, as decoding has it: keys and values stream from memory through registers,
once."""
