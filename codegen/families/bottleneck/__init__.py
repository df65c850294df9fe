"""A convolution and the matrix products that multiply its results, before these have left the multiprocessor."""
