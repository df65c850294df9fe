"""The pattern rewriter, and matchers that many rewrite patterns share."""
