"""Attention: scaled dot products with softmax and masks, in one pass over the keys."""
