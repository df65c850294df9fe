"""Number formats: the type that every tensor is stored in and every op computes in."""
