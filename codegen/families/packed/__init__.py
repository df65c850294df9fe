"""Products of few rows with packed weights of 4 or 8 bits, which become floats in registers."""
