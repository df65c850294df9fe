"""Memory planning: views, live ranges, one arena, and proofs that a launch module uses memory correctly."""
