"""A convolution and the matrix products that multiply its results before these leave the multiprocessor."""
