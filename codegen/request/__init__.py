"""What is asked of a kernel family, and what it gives back: requests, candidates, code, parameters."""
