"""What ops need of sizes: proved, solved for a symbol, kept as a constraint, or an error."""
