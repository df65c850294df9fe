"""Groups: several independent kernels in one launch, each on blocks of its own."""
