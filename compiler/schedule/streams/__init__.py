"""Which launches run beside each other."""
