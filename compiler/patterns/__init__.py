"""What rewrites are made of: the rewriter, and matchers for shapes of IR that many of them look for."""
