"""Target architectures as values: instruction-set features, resource limits and measured speeds."""
