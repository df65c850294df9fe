"""From kernels with formats to launches: buffers, groups of small launches, streams."""
