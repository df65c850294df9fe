"""In which number format everything is computed and stored."""
