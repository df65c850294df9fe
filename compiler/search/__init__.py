"""The sensitivity of ops to eight bits, and the search for the fastest mixture of formats within a budget."""
