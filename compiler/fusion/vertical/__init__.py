"""Which ops form a kernel: clusters, the rules that grow them, and the record of every decision."""
