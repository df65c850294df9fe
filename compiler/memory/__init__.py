"""Where buffers lie: views, live ranges, one arena, and the proofs that a launch module uses it rightly."""
